// The verdict on the device's answers, and what the program prints.
#ifndef EXAMPLES_DIGITS_REPORT_H_
#define EXAMPLES_DIGITS_REPORT_H_

#include <cstddef>
#include <ostream>
#include <span>
#include <string>

#include "examples/digits/answer.h"
#include "examples/digits/dataset.h"
#include "examples/digits/network.h"
#include "examples/digits/pipeline.h"

namespace digits {

inline constexpr double kRequiredAccuracy = 0.93;
// The device adds in single precision, the host in double.
inline constexpr double kProbabilityTolerance = 1e-4;

struct Verdict {
  size_t images = 0;
  size_t images_right = 0;
  size_t held_out = 0;
  size_t held_out_right = 0;
  size_t labels_different = 0;        // from the host's
  double probability_difference = 0;  // from the host's, the largest

  bool passed() const;
};

// answers and reference have one entry an image.
Verdict Judge(std::span<const Answer> answers, std::span<const Answer> reference,
              const Dataset& dataset, const Network& network);

// How the run went.
struct Run {
  int32_t device = 0;
  std::string soc_name;
  std::string transport;
  PipelineOptions options;
  uint32_t epochs = 0;
  TaskCount tasks;
  double device_milliseconds = 0;  // of all epochs
  double host_seconds = 0;         // of all epochs
  // The same number of epochs as runs of a model.
  bool with_model = false;
  double model_device_milliseconds = 0;
  double model_host_seconds = 0;
};

void Print(std::ostream& out, const Run& run, const Verdict& verdict);

}  // namespace digits

#endif  // EXAMPLES_DIGITS_REPORT_H_
