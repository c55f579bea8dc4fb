// Several threads call the acl interface at random, and each answer, and all memory, must be what a
// simple model says. At the end nothing may be left.
//
// A run can be repeated by its seed: what a thread calls depends on the seed and its number alone,
// as far as the answers do not depend on the time. See docs/testing.md.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "libruntime/src/device/driver.h"
#include "tests/model/player.h"
#include "tests/model/watchdog.h"
#include "tests/support/eventually.h"

namespace vnpu::model {
namespace {

// What the process has open, by what the numbers stand for.
std::vector<std::string> OpenFiles() {
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    files.push_back(std::filesystem::read_symlink(file.path(), gone));
  }
  std::ranges::sort(files);
  return files;
}

size_t FreeMemory() {
  size_t free = 0;
  size_t total = 0;
  aclrtGetMemInfo(ACL_HBM_MEM, &free, &total);
  return free;
}

void Play(Player& player, uint64_t steps) {
  player.Begin();
  for (uint64_t step = 0; step < steps; ++step) {
    if (step % kRoundSteps == 0) {
      player.Exchange();
    }
    player.Step();
  }
  player.Exchange();
  player.End();
}

void PlayAll(World& world) {
  std::vector<std::unique_ptr<Player>> players;
  std::vector<const Journal*> journals;
  for (uint32_t i = 0; i < world.options.threads; ++i) {
    players.push_back(std::make_unique<Player>(world, i));
    journals.push_back(&players.back()->journal);
  }
  const Watchdog watchdog(journals, std::chrono::seconds(world.options.hang_seconds));
  const uint64_t each = (world.options.steps + players.size() - 1) / players.size();
  std::vector<std::thread> threads;
  threads.reserve(players.size());
  for (const auto& player : players) {
    threads.emplace_back([&player, each] { Play(*player, each); });
  }
  uint64_t calls = 0;
  for (size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    calls += players[i]->journal.notes();
  }
  std::printf("%llu steps, %llu calls: no difference\n",
              static_cast<unsigned long long>(each * players.size()),
              static_cast<unsigned long long>(calls));
}

// The driver gives back what a session had after it has answered its end, as soon as the system has
// let the device process go.
constexpr auto kPatience = std::chrono::seconds(60);

bool AllZero(const vnpu_ioc_counters& counters) {
  return (counters.sessions | counters.device_processes | counters.queues | counters.events |
          counters.modules | counters.irqs | counters.qmems | counters.pmems |
          counters.reservations | counters.fds | counters.hbm_pages | counters.pinned_pages |
          counters.table_pages) == 0;
}

// The driver's own counters: what it has given out.
bool NothingLeft(uint32_t device) {
  std::shared_ptr<runtime::Driver> driver;
  vnpu_ioc_counters counters{};
  if (runtime::Driver::Get(&driver) != ACL_SUCCESS) {
    return false;
  }
  bool asked = true;
  const bool nothing = test::Eventually(kPatience, [&] {
    asked = driver->QueryCounters(device, &counters) == ACL_SUCCESS;
    return !asked || AllZero(counters);
  });
  if (nothing) {
    return asked;
  }
  std::fprintf(stderr,
               "LEFT on device %u: %u sessions, %u processes, %u queues, %u events, %u pmems, "
               "%llu HBM pages, %llu pinned pages\n",
               device, counters.sessions, counters.device_processes, counters.queues,
               counters.events, counters.pmems, static_cast<unsigned long long>(counters.hbm_pages),
               static_cast<unsigned long long>(counters.pinned_pages));
  return false;
}

bool Run(const Options& options) {
  aclInit(nullptr);
  World world(options);
  world.Open();
  const size_t free = FreeMemory();
  PlayAll(world);
  bool good = true;
  if (const size_t now = FreeMemory(); now != free) {
    std::fprintf(stderr, "LEFT: %zu bytes of device memory are free, %zu were\n", now, free);
    good = false;
  }
  world.Close();
  good = NothingLeft(0) && (!world.two_devices || NothingLeft(1)) && good;
  aclFinalize();
  return good;
}

// In a thread of its own, whose ring for waiting ends with it.
int RunAndLook(const Options& options) {
  const std::vector<std::string> files = OpenFiles();
  bool good = false;
  std::thread([&] { good = Run(options); }).join();
  if (!test::Eventually(kPatience, [&] { return OpenFiles().size() == files.size(); })) {
    for (const std::string& file : OpenFiles()) {
      std::fprintf(stderr, "LEFT, or open from the start: %s\n", file.c_str());
    }
    good = false;
  }
  if (!good) {
    std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(options.seed));
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace vnpu::model

int main(int argc, char** argv) {
  vnpu::model::Options options;
  CLI::App app{"Calls the acl interface at random and compares it with a model"};
  app.add_option("--seed", options.seed, "of the calls")->envname("VNPU_MODEL_SEED");
  app.add_option("--steps", options.steps, "of all threads together")->envname("VNPU_MODEL_STEPS");
  app.add_option("--threads", options.threads, "at the same time")
      ->envname("VNPU_MODEL_THREADS")
      ->check(CLI::Range(1u, vnpu::model::kMaxThreads));
  app.add_option("--hang-seconds", options.hang_seconds, "after which a standstill is a failure");
  CLI11_PARSE(app, argc, argv);
  return vnpu::model::RunAndLook(options);
}
