// What the threads share: devices, kernels, some contexts and an event; and what they hand over.
#ifndef VNPU_TESTS_MODEL_WORLD_H_
#define VNPU_TESTS_MODEL_WORLD_H_

#include <array>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "tests/model/objects.h"

namespace vnpu::model {

class Player;

struct Options {
  uint64_t seed = 1;
  uint64_t steps = 1'000'000;  // of all threads together
  uint32_t threads = 4;
  uint32_t hang_seconds = 60;  // without a step of a thread
};
inline constexpr uint32_t kMaxThreads = 5;
// Between two meetings of the threads.
inline constexpr uint64_t kRoundSteps = 500;

// Something to do. It may find that there is nothing to do it with, and call nothing.
struct Action {
  const char* name;
  uint32_t weight;
  void (*run)(Player&);
};

struct Kernels {
  aclrtFuncHandle add = nullptr;
  aclrtFuncHandle mix = nullptr;
  aclrtFuncHandle affine = nullptr;
  aclrtFuncHandle scale = nullptr;
  aclrtFuncHandle reverse = nullptr;
  aclrtFuncHandle divide = nullptr;
};

// A stream with work under way, what this work uses, and an event that says when it is done.
struct Bundle {
  std::unique_ptr<Stream> stream;
  std::unique_ptr<Buffer> buffer;
  std::unique_ptr<Event> event;
};

// Handles of which a stale one is only refused as long as its place was not given out again, which
// takes 1024 others.
enum class HandleKind : uint8_t { kStream, kEvent, kNotify, kContext, kPool, kPhysical, kCount };

struct World {
  explicit World(const Options& chosen);

  // Sets the device up. Ends the process when that fails.
  void Open();
  // Gives everything back that Open made.
  void Close();

  Options options;
  std::vector<Action> actions;
  uint64_t total_weight = 0;
  bool two_devices = false;

  Context primary;
  Context shared;
  aclrtBinHandle binary = nullptr;
  Kernels kernels;
  // Recorded and waited for by everybody, in any order: never behind a gate.
  aclrtEvent common_event = nullptr;
  // Held alone by who lets tasks fail or aborts them, and together by who waits for the whole
  // device and would be told.
  std::shared_mutex quiet;
  std::array<std::atomic<uint64_t>, static_cast<size_t>(HandleKind::kCount)> destroyed{};

  std::barrier<> meeting;
  std::vector<Bundle> exchange;  // by the thread that gave it
};

}  // namespace vnpu::model

#endif  // VNPU_TESTS_MODEL_WORLD_H_
