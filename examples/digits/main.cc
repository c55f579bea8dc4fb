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

// Runs the epochs, up to the first that fails. The verdict is that of the last one.
Verdict RunEpochs(uint32_t count, Pipeline& pipeline, const Dataset& dataset,
                  const Network& network, Epochs& epochs) {
  const std::vector<Answer> reference = ClassifyOnHost(network, dataset);
  Verdict verdict;
  while (epochs.count < count) {
    const auto start = std::chrono::steady_clock::now();
    epochs.device_milliseconds += pipeline.RunEpoch();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    epochs.host_seconds += seconds.count();
    verdict = Judge(pipeline.answers(), reference, dataset, network);
    ++epochs.count;
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
  Epochs launched;
  Verdict verdict = RunEpochs(options.repeat, pipeline, dataset, network, launched);
  run.epochs = launched.count;
  run.device_milliseconds = launched.device_milliseconds;
  run.host_seconds = launched.host_seconds;
  if (options.graph && verdict.passed()) {
    pipeline.CaptureEpoch();
    Epochs replayed;
    verdict = RunEpochs(options.repeat, pipeline, dataset, network, replayed);
    run.with_model = true;
    run.model_device_milliseconds = replayed.device_milliseconds;
    run.model_host_seconds = replayed.host_seconds;
  }
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
