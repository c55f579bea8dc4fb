#include "examples/digits/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace digits {
namespace {

double Share(size_t part, size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string Comparison(const Verdict& verdict) {
  const std::string labels =
      verdict.labels_different == 0
          ? fmt::format("all {} labels equal those of the host reference", verdict.images)
          : fmt::format("{} labels differ from the host reference", verdict.labels_different);
  return fmt::format("{}; probabilities differ by {:.1e} at most", labels,
                     verdict.probability_difference);
}

// Both times, if the epochs were replayed as a model too.
std::string SideBySide(const Run& run, const char* what, const std::string& launched,
                       const std::string& replayed) {
  return run.with_model
             ? fmt::format("{:<18} {} launched, {} replayed as a model\n", what, launched, replayed)
             : fmt::format("{:<18} {}\n", what, launched);
}

}  // namespace

bool Verdict::passed() const {
  return Share(images_right, images) >= kRequiredAccuracy && labels_different == 0 &&
         probability_difference <= kProbabilityTolerance;
}

Verdict Judge(std::span<const Answer> answers, std::span<const Answer> reference,
              const Dataset& dataset, const Network& network) {
  Verdict verdict;
  verdict.images = dataset.size();
  for (size_t image = 0; image < dataset.size(); ++image) {
    const Answer& answer = answers[image];
    const bool right = answer.label == dataset.labels[image];
    verdict.images_right += right ? 1 : 0;
    if (network.IsHeldOut(image)) {
      ++verdict.held_out;
      verdict.held_out_right += right ? 1 : 0;
    }
    if (answer.label != reference[image].label) ++verdict.labels_different;
    const double difference = std::fabs(answer.probability - reference[image].probability);
    verdict.probability_difference = std::max(verdict.probability_difference, difference);
  }
  return verdict;
}

void Print(std::ostream& out, const Run& run, const Verdict& verdict) {
  const TaskCount& tasks = run.tasks;
  const double images = static_cast<double>(verdict.images) * run.epochs;
  out << fmt::format("device             {}, {}\n", run.device, run.soc_name)
      << fmt::format("transport          {}\n", run.transport)
      << fmt::format(
             "work               {} images, {} times and once to warm up, in batches of {}; 2 "
             "streams, {} blocks a kernel\n",
             verdict.images, run.epochs, run.options.batch, run.options.blocks)
      << fmt::format("accuracy           {:.2f} % ({} of {})\n",
                     100 * Share(verdict.images_right, verdict.images), verdict.images_right,
                     verdict.images)
      << fmt::format("accuracy held out  {:.2f} % ({} of {} that the training never saw)\n",
                     100 * Share(verdict.held_out_right, verdict.held_out), verdict.held_out_right,
                     verdict.held_out)
      << fmt::format("host reference     {}\n", Comparison(verdict))
      << fmt::format(
             "tasks launched     {} ({} kernels, {} copies, {} event records, {} event waits, {} "
             "models)\n",
             tasks.total(), tasks.kernels, tasks.copies, tasks.event_records, tasks.event_waits,
             tasks.models)
      << SideBySide(run, "device time", fmt::format("{:.3f} ms", run.device_milliseconds),
                    fmt::format("{:.3f} ms", run.model_device_milliseconds))
      << SideBySide(run, "images per second", fmt::format("{:.0f}", images / run.host_seconds),
                    fmt::format("{:.0f}", images / run.model_host_seconds))
      << fmt::format("result             {}\n", verdict.passed() ? "passed" : "FAILED");
}

}  // namespace digits
