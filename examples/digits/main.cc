// Classifies 1,797 handwritten digits on the virtual NPU and checks the answers.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "examples/digits/dataset.h"
#include "examples/digits/network.h"
#include "examples/digits/npu.h"
#include "examples/digits/pipeline.h"
#include "examples/digits/reference.h"
#include "examples/digits/report.h"
#include "vnpu/vnpu.h"

namespace digits {
namespace {

struct Options {
  std::filesystem::path data = DIGITS_DATA_FOLDER;
  int32_t device = 0;
  uint32_t repeat = 1;
  bool graph = false;
  PipelineOptions pipeline{.batch = 128, .blocks = 8};
};

// Epochs, and what they took.
struct Epochs {
  uint32_t count = 0;
  double device_milliseconds = 0;
  double host_seconds = 0;
};

// Runs one epoch, and adds what it took.
void TimeEpoch(Pipeline& pipeline, Pipeline::Way way, Epochs& epochs) {
  const auto start = std::chrono::steady_clock::now();
  epochs.device_milliseconds += pipeline.RunEpoch(way);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  epochs.host_seconds += seconds.count();
  ++epochs.count;
}

// What the ways of running an epoch took; `replayed` counts with Options::graph.
struct Times {
  Epochs launched;
  Epochs replayed;
};

// Runs the epochs, up to the first that fails; launched and replayed in turns, so that both have
// the machine in the same state. One of each is not timed: memory is touched for the first time,
// and threads wake. The verdict is that of the last one.
Verdict RunEpochs(const Options& options, Pipeline& pipeline, const Dataset& dataset,
                  const Network& network, Times& times) {
  const std::vector<Answer> reference = ClassifyOnHost(network, dataset);
  pipeline.RunEpoch(Pipeline::Way::kLaunch);
  if (options.graph) {
    pipeline.CaptureEpoch();
    pipeline.RunEpoch(Pipeline::Way::kReplay);
  }
  Verdict verdict;
  while (times.launched.count < options.repeat) {
    TimeEpoch(pipeline, Pipeline::Way::kLaunch, times.launched);
    verdict = Judge(pipeline.answers(), reference, dataset, network);
    if (options.graph && verdict.passed()) {
      TimeEpoch(pipeline, Pipeline::Way::kReplay, times.replayed);
      verdict = Judge(pipeline.answers(), reference, dataset, network);
    }
    if (!verdict.passed()) break;
  }
  return verdict;
}

std::string TransportOf(int32_t device) {
  const char* transport = vnpuGetTransport(device);
  if (transport == nullptr)
    throw std::runtime_error("device " + std::to_string(device) + " is gone");
  return transport;
}

bool Classify(const Options& options) {
  const Dataset dataset = LoadDataset(options.data / "digits.csv.gz");
  const Network network = LoadNetwork(options.data / "weights.txt");

  const Npu npu(options.device);
  Run run;
  run.device = options.device;
  run.soc_name = aclrtGetSocName();
  run.transport = TransportOf(options.device);
  run.options = options.pipeline;

  Pipeline pipeline(network, dataset, options.pipeline);
  Times times;
  const Verdict verdict = RunEpochs(options, pipeline, dataset, network, times);
  run.epochs = times.launched.count;
  run.device_milliseconds = times.launched.device_milliseconds;
  run.host_seconds = times.launched.host_seconds;
  run.with_model = options.graph;
  run.model_device_milliseconds = times.replayed.device_milliseconds;
  run.model_host_seconds = times.replayed.host_seconds;
  run.tasks = pipeline.tasks();
  Print(std::cout, run, verdict);
  return verdict.passed();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Classifies 1,797 handwritten digits on the virtual NPU and checks the answers.");
  app.option_defaults()->always_capture_default();
  app.add_option("--data", options.data, "Folder of digits.csv.gz and weights.txt");
  app.add_option("--device", options.device, "Device number");
  app.add_option("--repeat", options.repeat, "Classify all images this many times")
      ->check(CLI::Range(1, 1000000));
  app.add_flag("--graph", options.graph,
               "Capture the tasks in a model as well, and replay it as often");
  app.add_option("--batch", options.pipeline.batch, "Images a batch")->check(CLI::Range(1, 65536));
  app.add_option("--blocks", options.pipeline.blocks, "Blocks a kernel")
      ->check(CLI::Range(1, 65535));
  app.footer(
      "Ends with status 0 if at least 93 % of the answers are right and all of them equal\n"
      "those of a reference on the host.");
  CLI11_PARSE(app, argc, argv);
  return Classify(options) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace digits

int main(int argc, char** argv) {
  try {
    return digits::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "digits: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
