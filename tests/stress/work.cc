#include "tests/stress/work.h"

#include <poll.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace vnpu::raw {
namespace {

constexpr uint64_t kWords = 4096;
constexpr uint64_t kBytes = kWords * 8;

void Check(bool right, const char* what) {
  if (!right) {
    throw std::runtime_error(what);
  }
}

}  // namespace

RandomWork::RandomWork(Session* session, uint32_t seed)
    : session_(session),
      random_(seed),
      module_(session),
      queue_(session->CreateQueue()),
      buffer_(session->Allocate(kBytes)) {}

bool RandomWork::Step() {
  switch (Below(12)) {
    case 0:
      Reallocate();
      break;
    case 1:
      Pin();
      break;
    case 2:
      Events();
      break;
    case 3:
      ReplaceQueue();
      break;
    case 4:
    case 5:
    case 6:
    case 7:
      CopyAround();
      break;
    default:
      Launch();
  }
  return session_->State() == VNPU_SESSION_RUNNING;
}

void RandomWork::Launch() {
  const uint64_t start = Below(1'000'000);
  const uint64_t fill_args[] = {buffer_.va, start, kWords};
  const uint64_t add_args[] = {buffer_.va, kWords};
  session_->Publish(queue_, Kernel(module_.Function("fill"), 1 + Below(64), fill_args));
  uint64_t added = Below(32);
  for (uint64_t i = 0; i < added; ++i) {
    session_->Publish(queue_, Kernel(module_.Function("add_one"), 1 + Below(8), add_args));
  }
  if (session_->Run(queue_, Nop()) == VNPU_E_DEVICE_LOST) {
    return;
  }
  std::vector<uint64_t> seen(kWords);
  const bool loaded = session_->Load(seen.data(), buffer_.va, kBytes);
  Check(!loaded || seen[17] == start + 17 + added, "a kernel computed something wrong");
}

void RandomWork::CopyAround() {
  std::vector<uint64_t> out(kWords, random_());
  std::vector<uint64_t> back(kWords);
  const bool done = session_->Store(buffer_.va, out.data(), kBytes) &&
                    session_->Load(back.data(), buffer_.va, kBytes);
  Check(!done || out == back, "a copy brought back something else");
}

void RandomWork::Reallocate() {
  session_->Free(buffer_);
  buffer_ = session_->Allocate(kBytes, 0);
  session_->AllocatePmem(VNPU_HUGE_PAGE_SIZE * (1 + Below(4)), VNPU_PMEM_HUGE);
}

void RandomWork::Pin() {
  const UniqueFd fd = MakeSealedMemfd(kBytes);
  vnpu_ioc_pin pin{};
  pin.size = kBytes;
  pin.fd = fd.get();
  session_->Must(VNPU_IOC_PIN, &pin, "VNPU_IOC_PIN");
  session_->Run(queue_, Copy(pin.va, buffer_.va, kBytes));
  if (Below(2) == 0) {
    vnpu_ioc_unpin unpin{pin.va, 0};
    session_->Must(VNPU_IOC_UNPIN, &unpin, "VNPU_IOC_UNPIN");
  }
}

void RandomWork::Events() {
  const Queue other = session_->CreateQueue();
  for (const uint32_t event : session_->AllocateEvents(8)) {
    session_->Publish(other, EventWait(event, 1));
    session_->Publish(queue_, EventRecord(event, 1));
  }
  session_->WaitHead(other, 8);
}

void RandomWork::ReplaceQueue() {
  session_->Publish(
      queue_, Kernel(module_.Function("spin"), 1 + Below(3), std::vector{buffer_.va + kBytes - 8}));
  session_->DestroyQueue(queue_, VNPU_DESTROY_FORCE);
  queue_ = session_->CreateQueue({.entries = 16});
}

int WorkUntilItFails(const Vnpud& vnpud, uint32_t seed) {
  constexpr int kSteps = 200;
  for (;; ++seed) {
    try {
      Session session(vnpud);
      RandomWork work(&session, seed);
      for (int step = 0; step < kSteps; ++step) {
        if (!work.Step()) {
          return 0;
        }
      }
    } catch (const std::system_error& e) {
      return 0;
    }
  }
}

InnocentProcess::InnocentProcess(const Vnpud& vnpud)
    : child_([this, &vnpud] { return Work(vnpud); }) {
  Check(ready_.Wait(), "the innocent session cannot begin");
}

int InnocentProcess::Work(const Vnpud& vnpud) const {
  Session session(vnpud);
  const TestModule module(&session);
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(kBytes);
  session.PrepareWait();
  std::vector<uint64_t> seen(kWords);
  bool told = false;
  for (uint64_t round = 0;; ++round) {
    const uint64_t fill_args[] = {buffer.va, round, kWords};
    const uint64_t add_args[] = {buffer.va, kWords};
    session.Publish(queue, Kernel(module.Function("fill"), 8, fill_args));
    if (session.Run(queue, Kernel(module.Function("add_one"), 8, add_args)) != VNPU_OK ||
        !session.Load(seen.data(), buffer.va, kBytes)) {
      return 1;
    }
    for (uint64_t i = 0; i < kWords; ++i) {
      if (seen[i] != round + i + 1) {
        return 2;
      }
    }
    if (!std::exchange(told, true)) {
      ready_.Give();
    }
    if (stop_.Given()) {
      return 0;
    }
  }
}

bool InnocentProcess::Finish() {
  stop_.Give();
  return child_.Wait() == 0;
}

}  // namespace vnpu::raw
