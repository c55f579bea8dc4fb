// Parts of the benchmark that need a process of their own: another environment, other CPUs, or a
// runtime that has not been started yet.
#ifndef VNPU_TOOLS_BENCH_CHILDREN_H_
#define VNPU_TOOLS_BENCH_CHILDREN_H_

#include <string>
#include <vector>

#include "tools/bench/figure.h"

namespace vnpu::bench {

// How to run one.
struct Child {
  std::string part;                           // of PartNames()
  std::vector<std::string> prefix = {};       // a command that runs the command behind it
  std::vector<std::string> environment = {};  // NAME=value
};

// Runs a part in a fresh process and returns its values. Throws std::runtime_error.
Results RunChild(const Child& child, bool quick);

// The child's side: runs the part and prints its values as a JSON object.
void RunPart(const std::string& part, bool quick);
std::vector<std::string> PartNames();

// Values of a JSON object of numbers. Throws std::exception for any other text.
Results ParseResults(const std::string& text);

// The program beside this one.
std::string SiblingProgram(const std::string& name);

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_CHILDREN_H_
