// See json.h.
#include "report/json.h"

#include <nlohmann/json.hpp>

#include "io/output.h"
#include "text/base64.h"
#include "text/utf8.h"

namespace hmap::tool {

void set_bytes(nlohmann::ordered_json& object, const std::string& name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[name] = std::string(bytes);
  } else {
    object[name + "_b64"] = to_base64(bytes);
  }
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
