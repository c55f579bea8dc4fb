#include "tools/bench/report.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <thread>

#include "tools/bench/processes.h"

namespace vnpu::bench {
namespace {

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown CPU";
}

// Three significant digits, without an exponent.
std::string Number(double value) {
  const double size = std::abs(value);
  if (size >= 1e6) return fmt::format("{:.3g} M", value / 1e6);
  if (size >= 100) return fmt::format("{:.0f}", value);
  if (size >= 10) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::optional<double> Limit(const Bar& bar, const Results& results) {
  if (bar.reference == nullptr) return bar.factor;
  const auto reference = results.find(bar.reference);
  if (reference == results.end()) return std::nullopt;
  return bar.factor * reference->second;
}

bool Holds(const Bar& bar, double value, double limit) {
  return bar.relation == Bar::Relation::kAtMost ? value <= limit : value >= limit;
}

// "≤ 108 = 4 × ref_ring_entry_ns"
std::string Describe(const Bar& bar, const Results& results) {
  const std::string sign = bar.relation == Bar::Relation::kAtMost ? "≤ " : "≥ ";
  if (bar.reference == nullptr) return sign + Number(bar.factor);
  const std::string rule = bar.factor < 0.3
                               ? fmt::format("{} / {:.0f}", bar.reference, 1 / bar.factor)
                               : fmt::format("{:g} × {}", bar.factor, bar.reference);
  const std::optional<double> limit = Limit(bar, results);
  return limit ? sign + Number(*limit) + " = " + rule : sign + rule + " (not measured)";
}

const char* Word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReached:
      return "ok";
    case Verdict::kMissed:
      return "MISSED";
    case Verdict::kNotMeasured:
    case Verdict::kNoBar:
      break;
  }
  return "";
}

}  // namespace

Verdict Judge(const Figure& figure, const Results& results) {
  const auto value = results.find(figure.key);
  if (value == results.end()) return Verdict::kNotMeasured;
  Verdict verdict = Verdict::kNoBar;
  for (const Bar& bar : figure.bars) {
    const std::optional<double> limit = Limit(bar, results);
    if (!limit) continue;
    if (!Holds(bar, value->second, *limit)) return Verdict::kMissed;
    verdict = Verdict::kReached;
  }
  return verdict;
}

std::string DescribeMachine(const Clock& clock) {
  utsname system{};
  uname(&system);
  return fmt::format(
      "{}, {} CPUs ({} usable), {} {}\n"
      "time-stamp counter {:.3f} GHz in steps of {:.1f} ns, {}; reading it costs {:.1f} ns with "
      "fences, on the device {:.1f} ns, which are taken off\n",
      CpuModel(), std::thread::hardware_concurrency(), AllowedCpus().size(), system.sysname,
      system.release, clock.hz / 1e9, clock.step * 1e9 / clock.hz,
      clock.invariant ? "invariant" : "NOT INVARIANT: figures cannot be trusted",
      clock.own_cost * 1e9 / clock.hz, clock.bare_cost * 1e9 / clock.hz);
}

std::string Table(const std::vector<Figure>& figures, const Results& results,
                  const std::map<std::string, std::string>& reasons) {
  std::string text =
      fmt::format("{:<27}{:>10} {:<5} {:<7} {}\n", "figure", "value", "", "verdict", "bar");
  for (const Figure& figure : figures) {
    const auto value = results.find(figure.key);
    if (value == results.end()) {
      const auto reason = reasons.find(figure.key);
      text += fmt::format("{:<27}{:>10} {}\n", figure.key, "-",
                          reason == reasons.end() ? "not measured" : reason->second);
      continue;
    }
    std::string bars;
    for (const Bar& bar : figure.bars) {
      bars += (bars.empty() ? "" : ", ") + Describe(bar, results);
    }
    std::string line = fmt::format("{:<27}{:>10} {:<5} {:<7} {}", figure.key, Number(value->second),
                                   figure.unit, Word(Judge(figure, results)), bars);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

void WriteJson(const std::string& path, const Results& results) {
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  std::ofstream file(path);
  file << nlohmann::json(results).dump(2) << '\n';
  if (!file.flush()) throw std::runtime_error(path + " cannot be written");
}

}  // namespace vnpu::bench
