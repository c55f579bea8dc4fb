#include "vdev/random.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include "vdev/half.h"

namespace vnpu::vdev {
namespace {

// Between the upper halves of the counters of a truncated number's tries: far from other numbers.
constexpr uint64_t kNextTry = uint64_t{1} << 32;
constexpr uint32_t kMostTries = 64;  // that all fail has a probability below 2^-1000

using Words = std::array<uint32_t, 4>;

bool IsFloat(uint32_t type) {
  return type == VNPU_TYPE_FP16 || type == VNPU_TYPE_BF16 || type == VNPU_TYPE_FP32;
}

float FloatOf(uint32_t type, uint64_t bits) {
  switch (type) {
    case VNPU_TYPE_FP16:
      return FloatFromFp16(static_cast<uint16_t>(bits));
    case VNPU_TYPE_BF16:
      return FloatFromBf16(static_cast<uint16_t>(bits));
    default:
      return std::bit_cast<float>(static_cast<uint32_t>(bits));
  }
}

template <class T>
void Store(const RandomJob& job, uint64_t index, T value) {
  std::memcpy(job.result + index * sizeof(T), &value, sizeof(T));
}

void StoreFloat(const RandomJob& job, uint64_t index, float value) {
  switch (job.type) {
    case VNPU_TYPE_FP16:
      return Store(job, index, Fp16FromFloat(value));
    case VNPU_TYPE_BF16:
      return Store(job, index, Bf16FromFloat(value));
    default:
      return Store(job, index, value);
  }
}

// The value as the type holds it.
float Rounded(uint32_t type, float value) {
  switch (type) {
    case VNPU_TYPE_FP16:
      return FloatFromFp16(Fp16FromFloat(value));
    case VNPU_TYPE_BF16:
      return FloatFromBf16(Bf16FromFloat(value));
    default:
      return value;
  }
}

// 0 <= number < 1, with as many bits as the type has digits: more would round up to 1.
double Fraction(uint32_t type, uint32_t word) {
  switch (type) {
    case VNPU_TYPE_FP16:
      return (word >> 21) * 0x1p-11;
    case VNPU_TYPE_BF16:
      return (word >> 24) * 0x1p-8;
    default:
      return (word >> 8) * 0x1p-24;
  }
}

// Two independent numbers of the standard normal distribution (Box and Muller).
std::array<double, 2> NormalPair(uint32_t a, uint32_t b) {
  const double radius = std::sqrt(-2 * std::log((a + 1.0) * 0x1p-32));
  const double angle = 2 * std::numbers::pi * b * 0x1p-32;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

void Dropout(const RandomJob& job) {
  const double ratio = FloatOf(job.type, job.first);
  Words words{};
  uint8_t bits = 0;
  for (uint64_t i = 0; i < job.count; ++i) {
    if (i % 4 == 0) {
      words = Philox(job.seed, job.counter, i / 4);
    }
    const bool keep = words[i % 4] * 0x1p-32 >= ratio;
    bits |= static_cast<uint8_t>(keep ? 1u << i % 8 : 0u);
    if (i % 8 == 7 || i + 1 == job.count) {
      Store(job, i / 8, bits);
      bits = 0;
    }
  }
}

void UniformFloat(const RandomJob& job) {
  const double first = FloatOf(job.type, job.first);
  const double second = FloatOf(job.type, job.second);
  Words words{};
  for (uint64_t i = 0; i < job.count; ++i) {
    if (i % 4 == 0) {
      words = Philox(job.seed, job.counter, i / 4);
    }
    const double value = first + (second - first) * Fraction(job.type, words[i % 4]);
    const float rounded = Rounded(job.type, static_cast<float>(value));
    StoreFloat(job, i, rounded < second ? rounded : static_cast<float>(first));
  }
}

// T unsigned; `less` of the parameters is the signed type's matter.
template <class T>
void UniformInteger(const RandomJob& job, bool less) {
  constexpr uint64_t kEach = sizeof(T) == 4 ? 4 : 2;  // numbers of one block
  const auto first = static_cast<T>(job.first);
  const auto range = less ? static_cast<T>(static_cast<T>(job.second) - first) : T{0};
  Words words{};
  for (uint64_t i = 0; i < job.count; ++i) {
    if (i % kEach == 0) {
      words = Philox(job.seed, job.counter, i / kEach);
    }
    if constexpr (sizeof(T) == 4) {
      const uint64_t scaled = uint64_t{words[i % 4]} * range >> 32;
      Store(job, i, static_cast<T>(first + scaled));
    } else {
      __extension__ using Wide = unsigned __int128;
      const uint64_t word = words[2 * (i % 2)] | uint64_t{words[2 * (i % 2) + 1]} << 32;
      Store(job, i, static_cast<T>(first + static_cast<T>(Wide{word} * range >> 64)));
    }
  }
}

void Uniform(const RandomJob& job) {
  switch (job.type) {
    case VNPU_TYPE_INT32:
      return UniformInteger<uint32_t>(
          job, static_cast<int32_t>(job.first) < static_cast<int32_t>(job.second));
    case VNPU_TYPE_UINT32:
      return UniformInteger<uint32_t>(
          job, static_cast<uint32_t>(job.first) < static_cast<uint32_t>(job.second));
    case VNPU_TYPE_INT64:
      return UniformInteger<uint64_t>(
          job, static_cast<int64_t>(job.first) < static_cast<int64_t>(job.second));
    case VNPU_TYPE_UINT64:
      return UniformInteger<uint64_t>(job, job.first < job.second);
    default:
      return UniformFloat(job);
  }
}

void Normal(const RandomJob& job) {
  const double mean = FloatOf(job.type, job.first);
  const double deviation = FloatOf(job.type, job.second);
  std::array<double, 2> pair{};
  Words words{};
  for (uint64_t i = 0; i < job.count; ++i) {
    if (i % 4 == 0) {
      words = Philox(job.seed, job.counter, i / 4);
    }
    if (i % 2 == 0) {
      pair = NormalPair(words[i % 4], words[i % 4 + 1]);
    }
    StoreFloat(job, i, static_cast<float>(mean + deviation * pair[i % 2]));
  }
}

double TruncatedNumber(const RandomJob& job, uint64_t index) {
  for (uint32_t attempt = 0; attempt < kMostTries; ++attempt) {
    const Words words =
        Philox(job.seed, {job.counter[0], job.counter[1] + attempt * kNextTry}, index);
    for (const double number : NormalPair(words[0], words[1])) {
      if (std::abs(number) <= 2) {
        return number;
      }
    }
    for (const double number : NormalPair(words[2], words[3])) {
      if (std::abs(number) <= 2) {
        return number;
      }
    }
  }
  return 0;
}

void Truncated(const RandomJob& job) {
  const double mean = FloatOf(job.type, job.first);
  const double deviation = FloatOf(job.type, job.second);
  for (uint64_t i = 0; i < job.count; ++i) {
    StoreFloat(job, i, static_cast<float>(mean + deviation * TruncatedNumber(job, i)));
  }
}

}  // namespace

Words Philox(uint64_t key, const std::array<uint64_t, 2>& counter, uint64_t steps) {
  const uint64_t low = counter[0] + steps;
  const uint64_t high = counter[1] + (low < steps ? 1 : 0);
  Words words{static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
              static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)};
  auto key0 = static_cast<uint32_t>(key);
  auto key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xd2511f53} * words[0];
    const uint64_t product1 = uint64_t{0xcd9e8d57} * words[2];
    words = {
        static_cast<uint32_t>(product1 >> 32) ^ words[1] ^ key0, static_cast<uint32_t>(product1),
        static_cast<uint32_t>(product0 >> 32) ^ words[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
  return words;
}

uint64_t RandomTypeBytes(uint32_t type) {
  switch (type) {
    case VNPU_TYPE_FP16:
    case VNPU_TYPE_BF16:
      return 2;
    case VNPU_TYPE_INT32:
    case VNPU_TYPE_UINT32:
    case VNPU_TYPE_FP32:
      return 4;
    case VNPU_TYPE_INT64:
    case VNPU_TYPE_UINT64:
      return 8;
    default:
      return 0;
  }
}

bool RandomIsSound(const RandomJob& job) {
  return job.distribution == VNPU_RANDOM_UNIFORM
             ? RandomTypeBytes(job.type) != 0
             : job.distribution < VNPU_RANDOM_COUNT && IsFloat(job.type);
}

uint64_t RandomResultBytes(const RandomJob& job) {
  if (job.distribution == VNPU_RANDOM_DROPOUT) {
    return job.count / 8 + (job.count % 8 != 0 ? 1 : 0);
  }
  uint64_t bytes = 0;
  return __builtin_mul_overflow(job.count, RandomTypeBytes(job.type), &bytes) ? UINT64_MAX : bytes;
}

void GenerateRandom(const RandomJob& job) {
  switch (job.distribution) {
    case VNPU_RANDOM_DROPOUT:
      return Dropout(job);
    case VNPU_RANDOM_UNIFORM:
      return Uniform(job);
    case VNPU_RANDOM_NORMAL:
      return Normal(job);
    default:
      return Truncated(job);
  }
}

}  // namespace vnpu::vdev
