// Access to words that another process writes at the same time.
#ifndef VNPU_FIRMWARE_SCHEDULER_SHARED_H_
#define VNPU_FIRMWARE_SCHEDULER_SHARED_H_

#include <atomic>

namespace vnpu::firmware {

template <typename T>
T LoadShared(const T& word, std::memory_order order = std::memory_order_relaxed) {
  return std::atomic_ref<T>(const_cast<T&>(word)).load(order);
}
template <typename T>
void StoreShared(T& word, T value, std::memory_order order = std::memory_order_relaxed) {
  std::atomic_ref<T>(word).store(value, order);
}
template <typename T>
T ExchangeShared(T& word, T value) {
  return std::atomic_ref<T>(word).exchange(value, std::memory_order_seq_cst);
}

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_SCHEDULER_SHARED_H_
