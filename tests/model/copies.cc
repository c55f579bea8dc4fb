// Copies and fills: at once and in streams, of bytes and of matrices.
#include <algorithm>
#include <array>
#include <cstring>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

// Equal parts of two buffers.
struct Part {
  size_t to = 0;
  size_t from = 0;
  size_t count = 0;
};

Part AnyPart(Player& player, const Buffer& to, const Buffer& from) {
  Part part;
  part.to = player.random.Below(to.size());
  part.from = player.random.Below(from.size());
  part.count = player.random.Between(1, std::min(to.size() - part.to, from.size() - part.from));
  return part;
}

void Apply(Buffer& to, const Buffer& from, const Part& part) {
  std::memcpy(&to.bytes[part.to], &from.bytes[part.from], part.count);
}

aclrtMemcpyKind KindOf(Player& player, const Buffer& to, const Buffer& from) {
  if (player.random.Percent(20)) {
    return ACL_MEMCPY_DEFAULT;
  }
  if (to.OnDevice()) {
    return from.OnDevice() ? ACL_MEMCPY_DEVICE_TO_DEVICE : ACL_MEMCPY_HOST_TO_DEVICE;
  }
  return from.OnDevice() ? ACL_MEMCPY_DEVICE_TO_HOST : ACL_MEMCPY_HOST_TO_HOST;
}

bool PickTwo(Player& player, Buffer** to, Buffer** from) {
  *to = AnyBuffer(player, [](const Buffer&) { return true; });
  *from = AnyBuffer(player, [&](const Buffer& each) { return &each != *to; });
  return *to != nullptr && *from != nullptr;
}

void CopyNow(Player& player) {
  Buffer* to = nullptr;
  Buffer* from = nullptr;
  if (!PickTwo(player, &to, &from)) {
    return;
  }
  const Part part = AnyPart(player, *to, *from);
  player.HostWrites(*to);
  player.HostReads(*from);
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemcpy(to->address + part.to, to->size() - part.to, from->address + part.from,
                         part.count, KindOf(player, *to, *from)));
  Apply(*to, *from, part);
}

// Pageable memory is read and written before the call returns.
bool Waits(const Buffer& to, const Buffer& from, aclrtMemcpyKind kind) {
  return to.place == Place::kPageable || from.place == Place::kPageable ||
         kind == ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE;
}

// Small sources that are to be buffered are read by the call, which does not wait for the copy.
bool IsBuffered(const Part& part, aclrtMemcpyKind kind) {
  constexpr size_t kMost = size_t{64} << 10;
  return kind == ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE && part.count <= kMost;
}

void CopyInStream(Player& player) {
  Buffer* to = nullptr;
  Buffer* from = nullptr;
  if (!PickTwo(player, &to, &from)) {
    return;
  }
  Stream& stream = player.AnyStream();
  const Part part = AnyPart(player, *to, *from);
  aclrtMemcpyKind kind = KindOf(player, *to, *from);
  if (kind == ACL_MEMCPY_HOST_TO_DEVICE && player.random.Percent(10)) {
    kind = ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE;
  }
  if (!to->OnDevice() && !from->OnDevice()) {
    player.Enter(*stream.context);
    MODEL_CALL(player, ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
               aclrtMemcpyAsync(to->address, to->size(), from->address, 1, kind, stream.handle));
    return;
  }
  if (to->place == Place::kPageable) {
    player.HostWrites(*to);
  }
  const bool buffered = IsBuffered(part, kind);
  if (from->place == Place::kPageable || buffered) {
    player.HostReads(*from);
  }
  player.Prepare(stream, {from}, {to});
  const bool waits = !buffered && Waits(*to, *from, kind);
  if (waits) {
    player.OpenGates(stream.gates);
    player.Enter(*stream.context);
  }
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemcpyAsync(to->address + part.to, to->size() - part.to,
                              from->address + part.from, part.count, kind, stream.handle));
  if (buffered) {
    player.Submitted(stream, {}, {to});
  } else {
    player.Submitted(stream, {from}, {to});
  }
  Apply(*to, *from, part);
  if (waits) {
    player.host.Join(stream.clock);
  }
}

struct Matrix {
  size_t width = 0;
  size_t height = 0;
  size_t to_pitch = 0;
  size_t from_pitch = 0;
};

Matrix AnyMatrix(Player& player, const Buffer& to, const Buffer& from) {
  Matrix matrix;
  matrix.height = player.random.Between(1, 8);
  const size_t to_row = to.size() / matrix.height;
  const size_t from_row = from.size() / matrix.height;
  if (to_row == 0 || from_row == 0) {
    return {};
  }
  matrix.width = player.random.Between(1, std::min(to_row, from_row));
  const bool dense = player.random.Percent(20);
  matrix.to_pitch = dense ? matrix.width : player.random.Between(matrix.width, to_row);
  matrix.from_pitch = dense ? matrix.width : player.random.Between(matrix.width, from_row);
  return matrix;
}

void Apply(Buffer& to, const Buffer& from, const Matrix& matrix) {
  for (size_t row = 0; row < matrix.height; ++row) {
    std::memcpy(&to.bytes[row * matrix.to_pitch], &from.bytes[row * matrix.from_pitch],
                matrix.width);
  }
}

void CopyMatrix(Player& player) {
  Buffer* to = nullptr;
  Buffer* from = nullptr;
  if (!PickTwo(player, &to, &from) || to->OnDevice() == from->OnDevice()) {
    return;
  }
  const Matrix matrix = AnyMatrix(player, *to, *from);
  if (matrix.width == 0) {
    return;
  }
  const auto kind = to->OnDevice() ? ACL_MEMCPY_HOST_TO_DEVICE : ACL_MEMCPY_DEVICE_TO_HOST;
  player.HostWrites(*to);
  player.HostReads(*from);
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemcpy2d(to->address, matrix.to_pitch, from->address, matrix.from_pitch,
                           matrix.width, matrix.height, kind));
  Apply(*to, *from, matrix);
}

void CopyMatrixInStream(Player& player) {
  Buffer* to = nullptr;
  Buffer* from = nullptr;
  if (!PickTwo(player, &to, &from) || !to->DeviceReaches() || !from->DeviceReaches() ||
      (!to->OnDevice() && !from->OnDevice())) {
    return;
  }
  const Matrix matrix = AnyMatrix(player, *to, *from);
  if (matrix.width == 0) {
    return;
  }
  const auto kind = !to->OnDevice()    ? ACL_MEMCPY_DEVICE_TO_HOST
                    : from->OnDevice() ? ACL_MEMCPY_DEVICE_TO_DEVICE
                                       : ACL_MEMCPY_HOST_TO_DEVICE;
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {from}, {to});
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemcpy2dAsync(to->address, matrix.to_pitch, from->address, matrix.from_pitch,
                                matrix.width, matrix.height, kind, stream.handle));
  for (size_t row = 0; row < matrix.height; ++row) {
    player.Submitted(stream, {from}, {to});
  }
  Apply(*to, *from, matrix);
}

// Two copies by one call, both to the device or both from it.
void CopyBatch(Player& player) {
  const bool down = player.random.Percent(50);
  const auto any = [&](bool device) {
    return AnyBuffer(player, [&](const Buffer& each) {
      return each.DeviceReaches() && each.OnDevice() == device && each.place != Place::kManaged;
    });
  };
  std::array<Buffer*, 2> to = {any(down), any(down)};
  std::array<Buffer*, 2> from = {any(!down), any(!down)};
  if (to[0] == nullptr || to[1] == nullptr || from[0] == nullptr || from[1] == nullptr ||
      to[0] == to[1]) {
    return;
  }
  std::array<void*, 2> dsts{};
  std::array<void*, 2> srcs{};
  std::array<size_t, 2> rooms{};
  std::array<size_t, 2> sizes{};
  std::array<Part, 2> parts{};
  for (size_t i = 0; i < to.size(); ++i) {
    parts[i] = AnyPart(player, *to[i], *from[i]);
    dsts[i] = to[i]->address + parts[i].to;
    srcs[i] = from[i]->address + parts[i].from;
    rooms[i] = to[i]->size() - parts[i].to;
    sizes[i] = parts[i].count;
  }
  constexpr aclrtMemLocation kDevice = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_DEVICE};
  constexpr aclrtMemLocation kHost = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_HOST};
  aclrtMemcpyBatchAttr attribute{};
  attribute.dstLoc = down ? kDevice : kHost;
  attribute.srcLoc = down ? kHost : kDevice;
  size_t first = 0;
  size_t failed = 0;
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {from[0], from[1]}, {to[0], to[1]});
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemcpyBatchAsync(dsts.data(), rooms.data(), srcs.data(), sizes.data(), 2,
                                   &attribute, &first, 1, &failed, stream.handle));
  for (size_t i = 0; i < to.size(); ++i) {
    player.Submitted(stream, {from[i]}, {to[i]});
    Apply(*to[i], *from[i], parts[i]);
  }
}

void Prefetch(Player& player) {
  Buffer* buffer = AnyBuffer(
      player, [](const Buffer& each) { return each.OnDevice() && each.place != Place::kManaged; });
  if (buffer == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {buffer}, {});
  MODEL_CALL(
      player, ACL_SUCCESS,
      aclrtCmoAsync(buffer->address, buffer->size(), ACL_RT_CMO_TYPE_PREFETCH, stream.handle));
  player.Submitted(stream, {buffer}, {});
}

void FillNow(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer&) { return true; });
  if (buffer == nullptr) {
    return;
  }
  const size_t at = player.random.Below(buffer->size());
  const size_t count = player.random.Between(1, buffer->size() - at);
  const auto value = static_cast<uint8_t>(player.random.Bits());
  player.HostWrites(*buffer);
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemset(buffer->address + at, buffer->size() - at, value, count));
  std::fill_n(buffer->bytes.begin() + static_cast<ptrdiff_t>(at), count, std::byte{value});
}

void FillInStream(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.DeviceReaches(); });
  if (buffer == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  const size_t at = player.random.Below(buffer->size());
  const size_t count = player.random.Between(1, buffer->size() - at);
  const auto value = static_cast<uint8_t>(player.random.Bits());
  player.Prepare(stream, {}, {buffer});
  MODEL_CALL(
      player, ACL_SUCCESS,
      aclrtMemsetAsync(buffer->address + at, buffer->size() - at, value, count, stream.handle));
  player.Submitted(stream, {}, {buffer});
  std::fill_n(buffer->bytes.begin() + static_cast<ptrdiff_t>(at), count, std::byte{value});
}

void FillWords(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.DeviceReaches(); });
  if (buffer == nullptr) {
    return;
  }
  const size_t words = buffer->size() / sizeof(uint32_t);
  const size_t at = player.random.Below(words);
  const size_t count = player.random.Between(1, words - at);
  const auto value = static_cast<uint32_t>(player.random.Bits());
  std::byte* const start = buffer->address + at * sizeof(value);
  const size_t room = (words - at) * sizeof(value);
  if (player.random.Percent(30)) {
    player.HostWrites(*buffer);
    MODEL_CALL(player, ACL_SUCCESS, aclrtMemsetD32(start, room, value, count));
  } else if (buffer->place == Place::kPinned) {
    // Not a task of the stream.
    Stream& stream = player.AnyStream();
    player.HostWrites(*buffer);
    player.Enter(*stream.context);
    MODEL_CALL(player, ACL_SUCCESS, aclrtMemsetD32Async(start, room, value, count, stream.handle));
  } else {
    Stream& stream = player.AnyStream();
    player.Prepare(stream, {}, {buffer});
    MODEL_CALL(player, ACL_SUCCESS, aclrtMemsetD32Async(start, room, value, count, stream.handle));
    player.Submitted(stream, {}, {buffer});
  }
  for (size_t i = at; i < at + count; ++i) {
    std::memcpy(&buffer->bytes[i * sizeof(value)], &value, sizeof(value));
  }
}

}  // namespace

std::span<const Action> CopyActions() {
  static constexpr Action kActions[] = {
      {"copy", 40, CopyNow},
      {"copy in a stream", 120, CopyInStream},
      {"copy a matrix", 10, CopyMatrix},
      {"copy a matrix in a stream", 25, CopyMatrixInStream},
      {"copy a batch", 10, CopyBatch},
      {"prefetch", 5, Prefetch},
      {"fill", 20, FillNow},
      {"fill in a stream", 50, FillInStream},
      {"fill with words", 25, FillWords},
  };
  return kActions;
}

}  // namespace vnpu::model
