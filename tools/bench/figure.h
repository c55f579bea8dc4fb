// What is measured: figures with their bars, and the measurements that produce them.
//
// To add a figure, write its key into the figures of a measurement, or add a measurement to the
// list of its subject (subjects.h).
#ifndef VNPU_TOOLS_BENCH_FIGURE_H_
#define VNPU_TOOLS_BENCH_FIGURE_H_

#include <map>
#include <string>
#include <vector>

namespace vnpu::bench {

class Bench;

// A limit: the factor itself, or the factor times another figure of the same run.
struct Bar {
  enum class Relation { kAtMost, kAtLeast };
  Relation relation;
  double factor;
  const char* reference = nullptr;
};

inline Bar AtMost(double factor, const char* reference = nullptr) {
  return {Bar::Relation::kAtMost, factor, reference};
}
inline Bar AtLeast(double factor, const char* reference = nullptr) {
  return {Bar::Relation::kAtLeast, factor, reference};
}

// One number of the report.
struct Figure {
  const char* key;   // its name in the JSON object
  const char* unit;  // such as "ns"
  const char* what;  // for people: what it measures
  std::vector<Bar> bars = {};
};

// Code that measures some figures together. `run` puts a value for each into the bench's results,
// or throws std::exception saying why it cannot be measured.
struct Measurement {
  std::vector<Figure> figures;
  void (*run)(Bench& bench);
  bool optional = false;  // not having it is no failure
};

// Values by key.
using Results = std::map<std::string, double>;

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_FIGURE_H_
