// See json.h.
#include "report/json.h"

#include <cstddef>
#include <nlohmann/json.hpp>

#include "io/output.h"
#include "text/base64.h"
#include "text/hex.h"
#include "text/utf8.h"

namespace hmap::tool {

void set_bytes(nlohmann::ordered_json& object, const std::string& name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[name] = std::string(bytes);
  } else {
    object[name + "_b64"] = to_base64(bytes);
  }
}

std::string readable(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = utf8_sequence(bytes);
    if (length == 0) {
      text += "\\x";
      append_hex(bytes.substr(0, 1), text);
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

void write_line(Output& out, const nlohmann::ordered_json& object) {
  out.write(object.dump());
  out.write("\n");
}

void write_answer(bool as_json, const nlohmann::ordered_json& object, std::string_view words) {
  Output out;
  if (as_json) {
    write_line(out, object);
  } else {
    out.write(words);
  }
  out.finish();
}

void write_pretty(Output& out, const nlohmann::ordered_json& object) {
  out.write(object.dump(2));
  out.write("\n");
}

}  // namespace hmap::tool
