// See jsonl.h. The parser is nlohmann's, by events, so that a repeated member is seen and a value
// is not copied into a tree first.
#include "formats/jsonl.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "formats/field.h"
#include "io/input.h"
#include "report/json.h"
#include "text/base64.h"
#include "text/escape.h"

namespace hmap::tool {
namespace {

using nlohmann::json;

constexpr std::string_view kExpected =
    "one object with \"key\" or \"key_b64\", and \"value\" or \"value_b64\"";

// Every byte of a record may be written as \u00XX; the rest is names, quotes and blanks.
constexpr std::size_t kLineBytesMax = 6 * (kKeyBytesMax + kValueBytesMax) + 4096;

// Collects one record; answers false, with `found` set, at the first thing that does not belong.
class RecordEvents : public nlohmann::json_sax<json> {
 public:
  explicit RecordEvents(std::string_view line) : line_(line) {}

  bool null() override { return refuse_type("null"); }
  bool boolean(bool) override { return refuse_type("a truth value"); }
  bool number_integer(number_integer_t) override { return refuse_type("a number"); }
  bool number_unsigned(number_unsigned_t) override { return refuse_type("a number"); }
  bool number_float(number_float_t, const string_t&) override { return refuse_type("a number"); }
  bool binary(binary_t&) override { return refuse_type("binary data"); }
  bool start_array(std::size_t) override { return refuse_type("an array"); }
  bool end_array() override { return true; }
  bool end_object() override { return true; }

  bool start_object(std::size_t) override {
    if (std::exchange(inside_, true)) return refuse_type("an object");
    return true;
  }

  bool key(string_t& name) override {
    const bool is_key = name == "key" || name == "key_b64";
    const bool is_value = name == "value" || name == "value_b64";
    if (!is_key && !is_value) return refuse(fmt::format("a member {}", quote(name)));
    target_ = is_key ? &key_ : &value_;
    base64_ = name.ends_with("_b64");
    if (target_->has_value()) return refuse(fmt::format("a second {}", is_key ? "key" : "value"));
    return true;
  }

  bool string(string_t& text) override {
    if (!inside_) return refuse("a string");
    if (!base64_) {
      *target_ = std::move(text);
      return true;
    }
    *target_ = from_base64(text);
    return target_->has_value() || refuse(fmt::format("no valid base64 in {}", quote(text)));
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    // Positions count from 1 and include the character that was wrong.
    const std::size_t at = position == 0 ? 0 : position - 1;
    if (at >= line_.size()) return refuse("a line that ends within the object");
    return refuse(
        fmt::format("{} at column {}, which is no JSON", quote(line_.substr(at)), at + 1));
  }

  // What was found instead of a record; empty if it is one.
  [[nodiscard]] std::string found() const {
    if (!found_.empty()) return found_;
    if (!key_) return "an object without a key";
    return value_ ? "" : "an object without a value";
  }
  [[nodiscard]] const std::string& record_key() const { return *key_; }
  [[nodiscard]] std::string take_value() { return *std::move(value_); }

 private:
  bool refuse(std::string what) {
    found_ = std::move(what);
    return false;
  }
  bool refuse_type(std::string_view type) {
    return refuse(fmt::format("{}{}", type, inside_ ? " where a string belongs" : ""));
  }

  std::string_view line_;
  std::string found_;
  bool inside_ = false;
  bool base64_ = false;
  std::optional<std::string>* target_ = nullptr;
  std::optional<std::string> key_;
  std::optional<std::string> value_;
};

}  // namespace

bool JsonlReader::next(Record& record) {
  record.line = input_.line();
  bool cut = false;
  if (!input_.read_line(line_, kLineBytesMax, cut)) return false;
  if (line_.empty()) input_.refuse_at(record.line, "an empty line", kExpected);
  RecordEvents events(line_);
  json::sax_parse(line_, &events);
  if (const std::string found = events.found(); !found.empty()) {
    input_.refuse_at(record.line, found, kExpected);
  }
  if (events.record_key().size() > kKeyBytesMax) {
    input_.refuse_at(record.line, fmt::format("a key of more than {} bytes", kKeyBytesMax),
                     fmt::format("at most {} bytes", kKeyBytesMax));
  }
  record.key = events.record_key();
  record.value = events.take_value();
  if (record.value.size() > kValueBytesMax) {
    input_.refuse_at(record.line, fmt::format("a value of more than {} bytes", kValueBytesMax),
                     fmt::format("at most {} bytes", kValueBytesMax));
  }
  return true;
}

void JsonlWriter::write(std::string_view key, std::string_view value) {
  nlohmann::ordered_json object;
  set_bytes(object, "key", key);
  set_bytes(object, "value", value);
  write_line(out_, object);
}

}  // namespace hmap::tool
