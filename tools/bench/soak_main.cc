// vnpu-soak: uses one device for long, and says whether memory and launch time stay flat.
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "tools/bench/soak.h"

namespace {

volatile std::sig_atomic_t g_stop = 0;

void Stop(int) { g_stop = 1; }

int Run(std::chrono::seconds time) {
  vnpu::bench::Soak soak;
  std::signal(SIGINT, Stop);
  std::signal(SIGTERM, Stop);
  const vnpu::bench::SoakState start = soak.Start();
  std::printf("%s\n", vnpu::bench::ProgressLine(std::chrono::seconds(0), start).c_str());
  std::fflush(stdout);
  const auto stop = [] { return g_stop != 0; };
  soak.Run(time, stop, [](std::chrono::seconds passed, const vnpu::bench::SoakState& state) {
    std::printf("%s\n", vnpu::bench::ProgressLine(passed, state).c_str());
    std::fflush(stdout);
  });
  const vnpu::bench::SoakState end =
      soak.End(start, stop, [&](const vnpu::bench::SoakState& state) {
        std::printf("a launch takes %.0f ns, %.0f at the start: looking again\n", state.launch_ns,
                    start.launch_ns);
        std::fflush(stdout);
      });
  bool flat = false;
  std::printf("\n%s", vnpu::bench::SoakTable(start, end, &flat).c_str());
  return flat ? 0 : 2;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): nothing else to do with one than to end.
int main(int argc, char** argv) {
  CLI::App app{
      "Launches tasks, records events, creates and destroys streams for a while, and compares the\n"
      "memory of all processes and the time of a launch with the start. Ctrl-C ends it early.\n"
      "Exit status: 0 all flat, 1 something failed, 2 something has grown.",
      "vnpu-soak"};
  int64_t seconds = 600;
  std::string transport;
  app.add_option("--seconds", seconds, "how long")
      ->check(CLI::Range(int64_t{1}, int64_t{86400} * 365))
      ->capture_default_str();
  app.add_option("--transport", transport,
                 "how to reach the device (default: VNPU_TRANSPORT, else auto)")
      ->check(CLI::IsMember({"auto", "node", "embedded"}));
  CLI11_PARSE(app, argc, argv);
  if (!transport.empty()) setenv("VNPU_TRANSPORT", transport.c_str(), 1);
  try {
    return Run(std::chrono::seconds(seconds));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vnpu-soak: %s\n", error.what());
    return 1;
  }
}
