// Bytes in JSON: text where it is text, base64 where it is not.
//
// JSON strings hold Unicode only, and nlohmann::json throws on anything else. So a field "key" that
// is not valid UTF-8 is written as "key_b64"; nothing is ever replaced or dropped.
#ifndef HMAP_TOOLS_REPORT_JSON_H_
#define HMAP_TOOLS_REPORT_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace hmap::tool {

class Output;

// Sets object[name], or object[name + "_b64"] if `bytes` is not valid UTF-8.
void set_bytes(nlohmann::ordered_json& object, const std::string& name, std::string_view bytes);

// One object on one line. Everything in it must be valid UTF-8 already.
void write_line(Output& out, const nlohmann::ordered_json& object);

// What a verb has to say in the end: the object on a line of its own, or the words, which end one.
void write_answer(bool as_json, const nlohmann::ordered_json& object, std::string_view words);

// An object over several lines, for those that people may look at.
void write_pretty(Output& out, const nlohmann::ordered_json& object);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_JSON_H_
