// Waiting for what happens on its own.
#ifndef VNPU_TESTS_SUPPORT_EVENTUALLY_H_
#define VNPU_TESTS_SUPPORT_EVENTUALLY_H_

#include <chrono>
#include <thread>

namespace vnpu::test {

// Looks every millisecond until it holds; false when it never does within `limit`.
template <class Holds>
bool Eventually(std::chrono::milliseconds limit, Holds holds) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace vnpu::test

#endif  // VNPU_TESTS_SUPPORT_EVENTUALLY_H_
