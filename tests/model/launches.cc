// Kernel launches, by every way to pass arguments.
#include <algorithm>
#include <cstring>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostWords = 2048;  // that one kernel goes through

uint32_t Words(const Buffer& buffer) {
  return static_cast<uint32_t>(std::min(buffer.size() / sizeof(uint32_t), kMostWords));
}

uint32_t Load(const Buffer& buffer, size_t word) {
  uint32_t value = 0;
  std::memcpy(&value, &buffer.bytes[word * sizeof(value)], sizeof(value));
  return value;
}

void Store(Buffer& buffer, size_t word, uint32_t value) {
  std::memcpy(&buffer.bytes[word * sizeof(value)], &value, sizeof(value));
}

Buffer* AnyTarget(Player& player) {
  return AnyBuffer(player, [](const Buffer& each) { return each.DeviceReaches(); });
}

uint32_t Blocks(Player& player) { return static_cast<uint32_t>(player.random.Between(1, 4)); }

struct AddArguments {
  std::byte* data;
  uint32_t count;
  uint32_t k;
};

void Add(Player& player) {
  Buffer* buffer = AnyTarget(player);
  if (buffer == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  AddArguments arguments{buffer->address, Words(*buffer),
                         static_cast<uint32_t>(player.random.Bits())};
  const uint32_t blocks = Blocks(player);
  const aclrtFuncHandle kernel = player.world.kernels.add;
  player.Prepare(stream, {}, {buffer});
  if (player.random.Percent(70)) {
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtLaunchKernelWithHostArgs(kernel, blocks, stream.handle, nullptr, &arguments,
                                             sizeof(arguments), nullptr, 0));
  } else {
    void* pointers[] = {&arguments.data, &arguments.count, &arguments.k};
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtLaunchKernelWithArgsArray(kernel, blocks, stream.handle, nullptr, pointers));
  }
  player.Submitted(stream, {}, {buffer});
  for (uint32_t i = 0; i < arguments.count; ++i) {
    Store(*buffer, i, Load(*buffer, i) + arguments.k);
  }
}

// The arguments lie in another buffer, which the kernel's task reads.
void AddFromDevice(Player& player) {
  Buffer* buffer = AnyTarget(player);
  Buffer* place = AnyBuffer(player, [&](const Buffer& each) {
    return each.OnDevice() && &each != buffer && each.size() >= sizeof(AddArguments) &&
           reinterpret_cast<uintptr_t>(each.address) % alignof(AddArguments) == 0;
  });
  if (buffer == nullptr || place == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  const AddArguments arguments{buffer->address, Words(*buffer),
                               static_cast<uint32_t>(player.random.Bits())};
  player.HostWrites(*place);
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemcpy(place->address, place->size(), &arguments, sizeof(arguments),
                         ACL_MEMCPY_HOST_TO_DEVICE));
  std::memcpy(place->bytes.data(), &arguments, sizeof(arguments));
  player.Prepare(stream, {place}, {buffer});
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtLaunchKernel(player.world.kernels.add, Blocks(player), place->address,
                               sizeof(arguments), stream.handle));
  player.Submitted(stream, {place}, {buffer});
  for (uint32_t i = 0; i < arguments.count; ++i) {
    Store(*buffer, i, Load(*buffer, i) + arguments.k);
  }
}

void Mix(Player& player) {
  Buffer* to = AnyTarget(player);
  Buffer* from =
      AnyBuffer(player, [&](const Buffer& each) { return each.DeviceReaches() && &each != to; });
  if (to == nullptr || from == nullptr) {
    return;
  }
  struct {
    std::byte* dst;
    const std::byte* src;
    uint32_t count;
    uint32_t k;
  } arguments{to->address, from->address, std::min(Words(*to), Words(*from)),
              static_cast<uint32_t>(player.random.Bits())};
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {from}, {to});
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtLaunchKernelWithHostArgs(player.world.kernels.mix, Blocks(player), stream.handle,
                                           nullptr, &arguments, sizeof(arguments), nullptr, 0));
  player.Submitted(stream, {from}, {to});
  for (uint32_t i = 0; i < arguments.count; ++i) {
    Store(*to, i, (Load(*to, i) * 5 + Load(*from, i)) ^ arguments.k);
  }
}

// More arguments than a task holds, put together one by one.
void Affine(Player& player) {
  Buffer* buffer = AnyTarget(player);
  if (buffer == nullptr) {
    return;
  }
  struct {
    std::byte* data;
    uint64_t count;
    uint64_t factors[4];
  } arguments{buffer->address, Words(*buffer), {}};
  for (uint64_t& factor : arguments.factors) {
    factor = player.random.Bits();
  }
  const aclrtFuncHandle kernel = player.world.kernels.affine;
  const uint32_t blocks = Blocks(player);
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {buffer});
  if (player.random.Percent(50)) {
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtLaunchKernelWithHostArgs(kernel, blocks, stream.handle, nullptr, &arguments,
                                             sizeof(arguments), nullptr, 0));
  } else {
    aclrtArgsHandle list = nullptr;
    aclrtParamHandle parameter = nullptr;
    MODEL_CALL(player, ACL_SUCCESS, aclrtKernelArgsInit(kernel, &list));
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtKernelArgsAppend(list, &arguments.data, sizeof(arguments.data), &parameter));
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtKernelArgsAppend(list, &arguments.count, sizeof(arguments.count), &parameter));
    for (uint64_t& factor : arguments.factors) {
      MODEL_CALL(player, ACL_SUCCESS,
                 aclrtKernelArgsAppend(list, &factor, sizeof(factor), &parameter));
    }
    MODEL_CALL(player, ACL_SUCCESS, aclrtKernelArgsFinalize(list));
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtLaunchKernelWithConfig(kernel, blocks, stream.handle, nullptr, list, nullptr));
  }
  player.Submitted(stream, {}, {buffer});
  const auto& [a, b, c, d] = arguments.factors;
  for (uint64_t i = 0; i < arguments.count; ++i) {
    Store(*buffer, i, static_cast<uint32_t>(Load(*buffer, i) * a + i * b + c + d));
  }
}

// The kernel's pointer to data that travels with the launch.
void Scale(Player& player) {
  Buffer* buffer = AnyTarget(player);
  if (buffer == nullptr) {
    return;
  }
  struct {
    std::byte* data;
    uint64_t scale;  // the runtime writes the address of what follows the arguments
    uint64_t count;
    uint32_t factor;
    uint32_t offset;
  } arguments{buffer->address, 0, Words(*buffer), static_cast<uint32_t>(player.random.Bits()),
              static_cast<uint32_t>(player.random.Bits())};
  aclrtPlaceHolderInfo holder{};
  holder.addrOffset = offsetof(decltype(arguments), scale);
  holder.dataOffset = offsetof(decltype(arguments), factor);
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {buffer});
  MODEL_CALL(
      player, ACL_SUCCESS,
      aclrtLaunchKernelWithHostArgs(player.world.kernels.scale, Blocks(player), stream.handle,
                                    nullptr, &arguments, sizeof(arguments), &holder, 1));
  player.Submitted(stream, {}, {buffer});
  for (uint32_t i = 0; i < arguments.count; ++i) {
    Store(*buffer, i, Load(*buffer, i) * arguments.factor + arguments.offset);
  }
}

void Reverse(Player& player) {
  Buffer* buffer = AnyTarget(player);
  if (buffer == nullptr) {
    return;
  }
  struct {
    std::byte* data;
    uint32_t count;
  } arguments{buffer->address, Words(*buffer)};
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {buffer});
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtLaunchKernelWithHostArgs(player.world.kernels.reverse, 1, stream.handle, nullptr,
                                           &arguments, sizeof(arguments), nullptr, 0));
  player.Submitted(stream, {}, {buffer});
  for (uint32_t i = 0; i < arguments.count / 2; ++i) {
    const uint32_t other = arguments.count - 1 - i;
    const uint32_t swapped = Load(*buffer, i);
    Store(*buffer, i, Load(*buffer, other));
    Store(*buffer, other, swapped);
  }
}

// Many small kernels, one after the other.
void Chain(Player& player) {
  for (int i = 0; i < 20; ++i) {
    Add(player);
  }
}

void Wrong(Player& player) {
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  AddArguments arguments{nullptr, 0, 0};
  const aclrtFuncHandle kernel = player.world.kernels.add;
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtLaunchKernelWithHostArgs(nullptr, 1, stream.handle, nullptr, &arguments,
                                               sizeof(arguments), nullptr, 0));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtLaunchKernelWithHostArgs(kernel, 0, stream.handle, nullptr, &arguments,
                                               sizeof(arguments), nullptr, 0));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtLaunchKernelWithHostArgs(kernel, 1, stream.handle, nullptr, nullptr,
                                               sizeof(arguments), nullptr, 0));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtLaunchKernel(kernel, 1, nullptr, sizeof(arguments), stream.handle));
      break;
  }
}

}  // namespace

std::span<const Action> KernelActions() {
  static constexpr Action kActions[] = {
      {"launch a kernel", 100, Add},
      {"launch with arguments on the device", 8, AddFromDevice},
      {"launch on vector cores", 50, Mix},
      {"launch with many arguments", 25, Affine},
      {"launch with data", 25, Scale},
      {"launch on an AI CPU", 15, Reverse},
      {"launch a chain", 4, Chain},
      {"wrong launches", 15, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
