// The type of a store in its superblock: format-spec/format.md, section 27.
#ifndef HMAP_SRC_TYPE_H_
#define HMAP_SRC_TYPE_H_

#include "hmap/status.h"
#include "hmap/type.h"
#include "superblock_format.h"

namespace hmap {

// kInvalidArgument if no store can have this type.
Status check_type(const TypeInfo& type);

// Puts a type that check_type() accepts into the fields of a superblock.
void set_type(format::Superblock& superblock, const TypeInfo& type);

// Whether the fields do not contradict each other (F-80). The name is not looked at: it is for
// people.
bool type_is_possible(const format::Superblock& superblock);

// The type of a superblock for which type_is_possible().
TypeInfo type_of(const format::Superblock& superblock);

}  // namespace hmap

#endif  // HMAP_SRC_TYPE_H_
