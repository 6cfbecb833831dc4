// A store that fails must not take the benchmark along, nor pass for one that works.
#include "base/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace hmap::bench {
namespace {

std::string error_of(const std::function<Json()>& work) {
  try {
    (void)run_in_child(work);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "none";
}

TEST(RunInChild, ReturnsWhatTheWorkReturned) {
  const std::string large(1 << 20, 'x');  // More than a pipe holds.
  EXPECT_EQ(run_in_child([&] { return Json{{"text", large}}; })["text"], large);
}

TEST(RunInChild, HandsOnTheWordsOfAnException) {
  EXPECT_EQ(error_of([]() -> Json { throw std::runtime_error("no luck"); }), "no luck");
}

TEST(RunInChild, NamesTheSignalThatEndedIt) {
  EXPECT_THAT(error_of([]() -> Json {
                raise(SIGKILL);
                return {};
              }),
              testing::HasSubstr("signal 9"));
}

TEST(RunProgram, ReturnsItsLines) {
  const auto lines = run_program({"/bin/echo", "{\"a\": 1}"});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["a"], 1);
}

TEST(RunProgram, ThatIsMissingOrFailsIsAnError) {
  EXPECT_THROW((void)run_program({"/nonexistent/program"}), std::runtime_error);
  EXPECT_THROW((void)run_program({"/bin/false"}), std::runtime_error);
}

}  // namespace
}  // namespace hmap::bench
