// What people and programs read: the table and the JSON object.
#ifndef VNPU_TOOLS_BENCH_REPORT_H_
#define VNPU_TOOLS_BENCH_REPORT_H_

#include <map>
#include <string>
#include <vector>

#include "tools/bench/clock.h"
#include "tools/bench/figure.h"

namespace vnpu::bench {

enum class Verdict { kNoBar, kReached, kMissed, kNotMeasured };

// How a figure stands to all of its bars. A bar whose reference was not measured is left out.
Verdict Judge(const Figure& figure, const Results& results);

// The machine and the clock, in two lines.
std::string DescribeMachine(const Clock& clock);

// A line a figure: its key, value, bars with their limits in this run, and the verdict. `reasons`:
// why a figure was not measured, by key.
std::string Table(const std::vector<Figure>& figures, const Results& results,
                  const std::map<std::string, std::string>& reasons);

// Writes one flat JSON object. Throws std::runtime_error when the file cannot be written.
void WriteJson(const std::string& path, const Results& results);

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_REPORT_H_
