// How a finished file gets its name.
#ifndef HMAP_SRC_SYSTEM_NAMING_H_
#define HMAP_SRC_SYSTEM_NAMING_H_

#include <string>

#include "system/file.h"

namespace hmap {

// Gives the finished, flushed file its name, atomically, and flushes the directory. kExists if
// somebody was faster (the new file is dropped).
Status name_file(NewFile& file, const std::string& path);

// The same in the place of the file that has the name: whoever opens the path gets the old or the
// new one, never neither, also after a crash or a power cut. After an error the old one is there
// and the new one has no name, but stays open: the caller may hold locks through its descriptor.
// If the directory cannot be flushed (kIoError), the new one is there and a power cut may bring the
// old one back.
Status replace_file(NewFile& file, const std::string& path);

// The same with a file that has a name already, which goes: what nobody is to lose stays under it
// after an error, and is there only under the new one if the directory cannot be flushed.
Status move_file(const std::string& from, int fd, const std::string& path);
// The same where there is none: kExists, if somebody was faster.
Status move_file_to_free_name(const std::string& from, int fd, const std::string& path);

// Removes what replace_file() and, on file systems without unnamed files, create_file() leave
// beside `path` if they are killed. Only for whoever keeps others from making such a file.
void sweep_temporaries(const std::string& path);

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_NAMING_H_
