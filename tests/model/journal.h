// What a thread has called last, and the end of the test when an answer is not the model's.
#ifndef VNPU_TESTS_MODEL_JOURNAL_H_
#define VNPU_TESTS_MODEL_JOURNAL_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "acl/acl_base.h"

namespace vnpu::model {

// Written by its thread; the watchdog reads it at any time.
class Journal {
 public:
  Journal(uint64_t seed, uint32_t thread) : seed_(seed), thread_(thread) {}

  void BeginStep(const char* action) {
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    Note(action);
  }
  // What the thread does from here on: a text that lives as long as the program.
  void Note(const char* text) {
    const uint64_t next = notes_.load(std::memory_order_relaxed);
    Entry& entry = entries_[next % entries_.size()];
    entry.step.store(steps_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    entry.text.store(text, std::memory_order_relaxed);
    notes_.store(next + 1, std::memory_order_release);
  }
  uint64_t steps() const { return steps_.load(std::memory_order_relaxed); }
  // Grows with every note.
  uint64_t notes() const { return notes_.load(std::memory_order_acquire); }

  // The last notes, oldest first.
  void Dump() const;
  // Ends the process: the library does not do what the model does.
  [[noreturn]] void Fail(const std::string& what) const;

 private:
  struct Entry {
    std::atomic<uint64_t> step{0};
    std::atomic<const char*> text{nullptr};
  };

  uint64_t seed_;
  uint32_t thread_;
  std::atomic<uint64_t> steps_{0};
  std::atomic<uint64_t> notes_{0};
  std::array<Entry, 48> entries_;
};

// Ends the test unless the code is one of those wanted. Returns it.
aclError Check(Journal& journal, const char* call, std::initializer_list<aclError> wanted,
               aclError code);

}  // namespace vnpu::model

// Calls a function of the acl interface on behalf of a player and returns its code, which must be
// the one wanted, or one of {several}.
#define MODEL_CALL(player, wanted, call) \
  ((player).journal.Note(#call), ::vnpu::model::Check((player).journal, #call, {wanted}, call))
#define MODEL_CALL_EITHER(player, one, other, call) \
  ((player).journal.Note(#call), ::vnpu::model::Check((player).journal, #call, {one, other}, call))
// Ends the test unless the condition holds.
#define MODEL_REQUIRE(player, condition)            \
  do {                                              \
    if (!(condition)) {                             \
      (player).journal.Fail("not so: " #condition); \
    }                                               \
  } while (false)

#endif  // VNPU_TESTS_MODEL_JOURNAL_H_
