// Work in a process of its own.
#ifndef HMAP_BENCH_BASE_CHILD_H_
#define HMAP_BENCH_BASE_CHILD_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace hmap::bench {

// Calls `work` in a forked process and returns what it returned. A store then finds fresh memory,
// and whatever it does to its process (aborts, leaks, threads) ends with it.
// Throws std::runtime_error with the words of the exception that `work` threw, or with the way the
// process died; Interrupted if the user said so.
[[nodiscard]] Json run_in_child(const std::function<Json()>& work);

// Forks a process that calls `work` and then ends; it dies with its parent. Returns its id. An
// exception in `work` goes to standard error and makes the exit code 1.
[[nodiscard]] pid_t spawn(const std::function<void()>& work);

// Runs a program and returns its standard output, line by line, each parsed as JSON.
// Throws std::runtime_error if it cannot be run or does not exit with 0.
[[nodiscard]] std::vector<Json> run_program(const std::vector<std::string>& command);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_CHILD_H_
