// Reductions: sums that wrap around, maxima and minima of whole numbers.
#include <algorithm>
#include <array>
#include <cstring>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

template <class T>
void Reduce(std::byte* to, const std::byte* from, size_t bytes, aclrtReduceKind kind) {
  for (size_t at = 0; at < bytes; at += sizeof(T)) {
    T a{};
    T b{};
    std::memcpy(&a, to + at, sizeof(T));
    std::memcpy(&b, from + at, sizeof(T));
    T result = std::max(a, b);
    if (kind == ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM) {
      result = static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    } else if (kind == ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN) {
      result = std::min(a, b);
    }
    std::memcpy(to + at, &result, sizeof(T));
  }
}

struct Type {
  aclDataType type;
  void (*reduce)(std::byte*, const std::byte*, size_t, aclrtReduceKind);
};
constexpr std::array<Type, 3> kTypes{
    {{ACL_INT8, Reduce<int8_t>}, {ACL_INT16, Reduce<int16_t>}, {ACL_INT32, Reduce<int32_t>}}};

void Run(Player& player) {
  Buffer* to = AnyBuffer(player, [](const Buffer& each) { return each.DeviceReaches(); });
  Buffer* from =
      AnyBuffer(player, [&](const Buffer& each) { return each.DeviceReaches() && &each != to; });
  if (to == nullptr || from == nullptr) {
    return;
  }
  constexpr size_t kUnit = 4;
  constexpr size_t kMost = 4096;
  const size_t units = std::min({to->size(), from->size(), kMost}) / kUnit;
  const size_t bytes = player.random.Between(1, units) * kUnit;
  const Type& type = player.random.Pick(kTypes);
  const auto kind =
      player.random.Of({ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX,
                        ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN});
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {from}, {to});
  MODEL_CALL(
      player, ACL_SUCCESS,
      aclrtReduceAsync(to->address, from->address, bytes, kind, type.type, stream.handle, nullptr));
  player.Submitted(stream, {from}, {to});
  type.reduce(to->bytes.data(), from->bytes.data(), bytes, kind);
}

void Wrong(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.OnDevice(); });
  if (buffer == nullptr) {
    return;
  }
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  constexpr auto kSum = ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM;
  std::byte* const at = buffer->address;
  uint32_t pageable = 0;
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtReduceAsync(at, at, 0, kSum, ACL_INT32, stream.handle, nullptr));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtReduceAsync(at, at, 6, kSum, ACL_INT32, stream.handle, nullptr));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                 aclrtReduceAsync(at, at, 8, kSum, ACL_DOUBLE, stream.handle, nullptr));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtReduceAsync(at, &pageable, 4, kSum, ACL_INT32, stream.handle, nullptr));
      break;
  }
}

}  // namespace

std::span<const Action> ReduceActions() {
  static constexpr Action kActions[] = {
      {"reduce", 40, Run},
      {"wrong reductions", 6, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
