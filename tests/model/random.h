// The choices of one thread: they depend on the seed and the thread's number alone.
#ifndef VNPU_TESTS_MODEL_RANDOM_H_
#define VNPU_TESTS_MODEL_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>

namespace vnpu::model {

class Random {
 public:
  Random(uint64_t seed, uint32_t thread) : engine_(seed * 1'000'003 + thread) {}

  uint64_t Bits() { return engine_(); }
  // 0 .. limit - 1; `limit` is not 0.
  uint64_t Below(uint64_t limit) { return engine_() % limit; }
  // first .. last
  uint64_t Between(uint64_t first, uint64_t last) { return first + Below(last - first + 1); }
  bool Percent(uint64_t percent) { return Below(100) < percent; }
  template <class Container>
  auto& Pick(Container& container) {
    return container[Below(container.size())];
  }
  template <class T>
  T Of(std::initializer_list<T> choices) {
    return *(choices.begin() + Below(choices.size()));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace vnpu::model

#endif  // VNPU_TESTS_MODEL_RANDOM_H_
