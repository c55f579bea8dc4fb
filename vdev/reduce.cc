#include "vdev/reduce.h"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "vdev/half.h"

namespace vnpu::vdev {
namespace {

// How elements of a type lie in memory, and what is computed with.
template <class T>
struct Plain {
  using Stored = T;
  static T Load(T value) { return value; }
  static T Store(T value) { return value; }
};
struct Fp16 {
  using Stored = uint16_t;
  static float Load(uint16_t bits) { return FloatFromFp16(bits); }
  static uint16_t Store(float value) { return Fp16FromFloat(value); }
};
struct Bf16 {
  using Stored = uint16_t;
  static float Load(uint16_t bits) { return FloatFromBf16(bits); }
  static uint16_t Store(float value) { return Bf16FromFloat(value); }
};

struct Sum {
  template <class T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      using Unsigned = std::make_unsigned_t<T>;  // wraps instead of being undefined
      return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
    } else {
      return a + b;
    }
  }
};
struct Max {
  template <class T>
  static T Of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(a)) {
        return a;
      }
    }
    return a > b ? a : b;  // b when it is a NaN
  }
};
struct Min {
  template <class T>
  static T Of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(a)) {
        return a;
      }
    }
    return a < b ? a : b;  // b when it is a NaN
  }
};

// Addresses need not be aligned.
template <class Op, class Type>
void Apply(const vnpu_sqe_reduce& reduce) {
  using Stored = typename Type::Stored;
  auto* dst = reinterpret_cast<std::byte*>(reduce.dst);
  const auto* src = reinterpret_cast<const std::byte*>(reduce.src);
  for (uint64_t at = 0; at < reduce.size; at += sizeof(Stored)) {
    Stored a;
    Stored b;
    std::memcpy(&a, dst + at, sizeof(a));
    std::memcpy(&b, src + at, sizeof(b));
    a = Type::Store(Op::Of(Type::Load(a), Type::Load(b)));
    std::memcpy(dst + at, &a, sizeof(a));
  }
}

template <class Type>
void ApplyKind(const vnpu_sqe_reduce& reduce) {
  switch (reduce.kind) {
    case VNPU_REDUCE_SUM:
      return Apply<Sum, Type>(reduce);
    case VNPU_REDUCE_MAX:
      return Apply<Max, Type>(reduce);
    default:
      return Apply<Min, Type>(reduce);
  }
}

}  // namespace

void ReduceElements(const vnpu_sqe_reduce& reduce) {
  switch (reduce.type) {
    case VNPU_TYPE_INT8:
      return ApplyKind<Plain<int8_t>>(reduce);
    case VNPU_TYPE_INT16:
      return ApplyKind<Plain<int16_t>>(reduce);
    case VNPU_TYPE_INT32:
      return ApplyKind<Plain<int32_t>>(reduce);
    case VNPU_TYPE_UINT32:
      return ApplyKind<Plain<uint32_t>>(reduce);
    case VNPU_TYPE_FP16:
      return ApplyKind<Fp16>(reduce);
    case VNPU_TYPE_BF16:
      return ApplyKind<Bf16>(reduce);
    default:
      return ApplyKind<Plain<float>>(reduce);
  }
}

}  // namespace vnpu::vdev
