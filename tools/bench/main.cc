// vnpu-bench: measures the task path through the public interface, beside what the machine can do.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/children.h"
#include "tools/bench/processes.h"
#include "tools/bench/report.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

struct Options {
  bool quick = false;
  bool list = false;
  bool check = false;
  std::string transport;
  std::string json;
  std::string filter;
  std::string part;
};

// Next to the build directory when the program stands in one, else the current directory.
std::string DefaultJson() {
  const std::filesystem::path build =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
  return std::filesystem::exists(build / "CMakeCache.txt") ? build.parent_path() / "bench.json"
                                                           : "bench.json";
}

// The measurements with a figure that matches, and those that their bars refer to.
Measurements Select(const Measurements& all, const std::string& filter) {
  if (filter.empty()) return all;
  const std::regex wanted(filter);
  std::set<std::string> references;
  const auto matches = [&](const Figure& figure) { return std::regex_search(figure.key, wanted); };
  for (const Measurement& measurement : all) {
    if (std::none_of(measurement.figures.begin(), measurement.figures.end(), matches)) continue;
    for (const Figure& figure : measurement.figures) {
      references.insert(figure.key);
      for (const Bar& bar : figure.bars) {
        if (bar.reference != nullptr) references.insert(bar.reference);
      }
    }
  }
  Measurements selected;
  for (const Measurement& measurement : all) {
    const auto needed = [&](const Figure& figure) { return references.contains(figure.key); };
    if (std::any_of(measurement.figures.begin(), measurement.figures.end(), needed)) {
      selected.push_back(measurement);
    }
  }
  return selected;
}

void List(const Measurements& measurements) {
  for (const Measurement& measurement : measurements) {
    for (const Figure& figure : measurement.figures) {
      std::printf("%-27s %-5s %s\n", figure.key, figure.unit, figure.what);
    }
  }
}

struct Outcome {
  std::map<std::string, std::string> reasons;  // of figures not measured
  bool complete = true;
};

Outcome RunAll(Bench& bench, const Measurements& measurements) {
  Outcome outcome;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  for (const Measurement& measurement : measurements) {
    if (terminal) std::fprintf(stderr, "\r\033[K%s ...", measurement.figures.front().key);
    try {
      measurement.run(bench);
    } catch (const std::exception& error) {
      for (const Figure& figure : measurement.figures) outcome.reasons[figure.key] = error.what();
      outcome.complete = outcome.complete && measurement.optional;
    }
  }
  if (terminal) std::fputs("\r\033[K", stderr);
  return outcome;
}

int Run(const Options& options) {
  if (!options.transport.empty()) setenv("VNPU_TRANSPORT", options.transport.c_str(), 1);
  if (!options.part.empty()) {
    RunPart(options.part, options.quick);
    return 0;
  }
  const Measurements measurements = Select(AllMeasurements(), options.filter);
  if (options.list) {
    List(measurements);
    return 0;
  }
  Bench bench(options.quick);
  std::fputs(DescribeMachine(bench.clock()).c_str(), stdout);
  std::fflush(stdout);
  const Outcome outcome = RunAll(bench, measurements);
  std::vector<Figure> figures;
  bool reached = true;
  for (const Measurement& measurement : measurements) {
    for (const Figure& figure : measurement.figures) {
      figures.push_back(figure);
      reached = reached && Judge(figure, bench.results()) != Verdict::kMissed;
    }
  }
  const std::string device = bench.DescribeDevice();
  if (!device.empty()) std::printf("%s\n", device.c_str());
  std::printf("\n%s", Table(figures, bench.results(), outcome.reasons).c_str());
  bench.Set("quick", options.quick ? 1 : 0);
  bench.Set("cpus", static_cast<double>(AllowedCpus().size()));
  bench.Set("tsc_ghz", bench.clock().hz / 1e9);
  bench.Set("tsc_cost_ns", bench.clock().own_cost * 1e9 / bench.clock().hz);
  bench.Set("tsc_bare_cost_ns", bench.clock().bare_cost * 1e9 / bench.clock().hz);
  WriteJson(options.json, bench.results());
  std::printf("\nwritten to %s\n", options.json.c_str());
  if (!outcome.complete) return 1;
  return options.check && !reached ? 2 : 0;
}

}  // namespace
}  // namespace vnpu::bench

// NOLINTNEXTLINE(bugprone-exception-escape): nothing else to do with one than to end.
int main(int argc, char** argv) {
  vnpu::bench::Options options;
  CLI::App app{
      "Measures the task path of the virtual NPU through the acl interface, beside references of\n"
      "the same run. Exit status: 0 all measured, 1 something could not be measured, 2 a bar was\n"
      "missed (with --check).",
      "vnpu-bench"};
  app.add_flag("--quick", options.quick, "fewer repetitions: 20 seconds at most");
  app.add_option("--transport", options.transport,
                 "how to reach the device (default: VNPU_TRANSPORT, else auto)")
      ->check(CLI::IsMember({"auto", "node", "embedded"}));
  app.add_option("--json", options.json,
                 "where to write the figures as one JSON object (default: bench.json beside the "
                 "build directory)");
  app.add_option("--filter", options.filter,
                 "measure only figures that match this regular expression, and what they are "
                 "compared with");
  app.add_flag("--list", options.list, "name the figures and measure nothing");
  app.add_flag("--check", options.check, "fail when a bar is missed");
  app.add_option("--part", options.part)
      ->check(CLI::IsMember(vnpu::bench::PartNames()))
      ->group("");  // how the program runs itself
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.json.empty()) options.json = vnpu::bench::DefaultJson();
    return vnpu::bench::Run(options);
  } catch (const std::regex_error& error) {
    std::fprintf(stderr, "vnpu-bench: --filter %s: not a regular expression\n",
                 options.filter.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vnpu-bench: %s\n", error.what());
  }
  return 1;
}
