// Data types, data buffers and half precision: no device is involved.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <new>

#include "acl/acl_base.h"
#include "libruntime/src/base/guard.h"

namespace rt = vnpu::runtime;
using rt::Guard;

struct aclDataBuffer {
  void* data;
  size_t size;
};

size_t aclDataTypeSize(aclDataType dataType) {
  switch (dataType) {
    case ACL_INT8:
    case ACL_UINT8:
    case ACL_BOOL:
    case ACL_HIFLOAT8:
    case ACL_FLOAT8_E5M2:
    case ACL_FLOAT8_E4M3FN:
    case ACL_FLOAT8_E8M0:
      return 1;
    case ACL_FLOAT16:
    case ACL_BF16:
    case ACL_INT16:
    case ACL_UINT16:
      return 2;
    case ACL_FLOAT:
    case ACL_INT32:
    case ACL_UINT32:
    case ACL_COMPLEX32:
      return 4;
    case ACL_INT64:
    case ACL_UINT64:
    case ACL_DOUBLE:
    case ACL_COMPLEX64:
      return 8;
    case ACL_COMPLEX128:
      return 16;
    default:
      return 0;  // unknown, of variable size, or smaller than a byte
  }
}

float aclFloat16ToFloat(aclFloat16 value) {
  constexpr uint32_t kMantissaBits = 10;
  const uint32_t sign = (value & 0x8000u) << 16;
  const uint32_t exponent = (value >> kMantissaBits) & 0x1fu;
  const uint32_t mantissa = value & 0x3ffu;
  if (exponent == 0) {  // zero, subnormal: mantissa * 2^-24
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  // The largest exponent is an ordinary one: the manual gives infinities and NaN finite values.
  return std::bit_cast<float>(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

aclFloat16 aclFloatToFloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  constexpr uint32_t kInfinity = 0x7f800000u;
  constexpr uint32_t kOverflow = 0x477ff000u;   // 65520: the first that rounds beyond the largest
  constexpr uint32_t kMinNormal = 0x38800000u;  // 2^-14
  constexpr uint16_t kLargest = 0x7bffu;
  if (magnitude > kInfinity) {
    return kLargest;  // NaN, of either sign
  }
  if (magnitude >= kOverflow) {
    return sign | kLargest;
  }
  if (magnitude < kMinNormal) {
    // In units of 2^-24; the current rounding mode is round to nearest, ties to even.
    const float units = std::ldexp(std::bit_cast<float>(magnitude), 24);
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(units)));
  }
  const uint32_t odd = magnitude >> 13 & 1u;
  const uint32_t rounded = magnitude + 0xfffu + odd - ((127u - 15u) << 23);
  return static_cast<uint16_t>(sign | static_cast<uint16_t>(rounded >> 13));
}

aclDataBuffer* aclCreateDataBuffer(void* data, size_t size) {
  return new (std::nothrow) aclDataBuffer{.data = data, .size = size};
}

aclError aclDestroyDataBuffer(const aclDataBuffer* dataBuffer) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(dataBuffer);
    delete dataBuffer;
    return ACL_SUCCESS;
  });
}

aclError aclUpdateDataBuffer(aclDataBuffer* dataBuffer, void* data, size_t size) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(dataBuffer);
    *dataBuffer = {.data = data, .size = size};
    return ACL_SUCCESS;
  });
}

void* aclGetDataBufferAddr(const aclDataBuffer* dataBuffer) {
  return dataBuffer != nullptr ? dataBuffer->data : nullptr;
}

size_t aclGetDataBufferSizeV2(const aclDataBuffer* dataBuffer) {
  return dataBuffer != nullptr ? dataBuffer->size : 0;
}

uint32_t aclGetDataBufferSize(const aclDataBuffer* dataBuffer) {
  return dataBuffer != nullptr ? static_cast<uint32_t>(dataBuffer->size) : 0;
}
