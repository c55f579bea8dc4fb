#include "libruntime/src/kernel/args_list.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

// Lists of one kernel; from then on the oldest is used again.
constexpr size_t kMaxLists = 512;

uint32_t Aligned(uint64_t value, uint32_t step) {
  return static_cast<uint32_t>(RoundUp(value, step));
}

void Init(Function* function, std::byte* memory, size_t capacity, ArgsList* list) {
  list->magic = ArgsList::kMagic;
  list->function = function;
  list->function_generation = function->generation();
  list->count = 0;
  list->memory = memory;
  list->capacity = capacity;
  list->data_begin = list->data_end = Aligned(function->arg_size, ArgsList::kDataAlign);
  list->finalized = false;
  std::memset(memory, 0, function->arg_size);
}

// Where the next parameter belongs: as the kernel's image says, or, beyond what is known of it,
// at its natural alignment.
aclError NextEntry(ArgsList* list, size_t size, ArgsList::Entry** entry) {
  const Function& function = *list->function;
  if (list->count >= std::min(function.param_count, ArgsList::kMaxParams)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "kernel '{}' takes {} arguments; this is one too many",
                function.name, function.param_count);
  }
  uint32_t offset = 0;
  if (list->count < function.params.size()) {
    const Param& param = function.params[list->count];
    if (size != param.size) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "argument {} of kernel '{}' has {} bytes; {} were given", list->count,
                  function.name, param.size, size);
    }
    offset = param.offset;
  } else {
    const ArgsList::Entry& last = list->entries[list->count - 1];
    const auto align = static_cast<uint32_t>(std::min<size_t>(std::bit_floor(size), 8));
    offset = Aligned(uint64_t{last.offset} + last.size, align);
    if (size > function.arg_size || offset > function.arg_size - size) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "argument {} of kernel '{}' has not {} bytes",
                  list->count, function.name, size);
    }
  }
  *entry = &list->entries[list->count++];
  **entry = {
      .offset = offset, .size = static_cast<uint32_t>(size), .data_offset = 0, .is_placeholder = 0};
  list->finalized = false;
  return ACL_SUCCESS;
}

aclError FindEntry(ArgsList* list, void* handle, ArgsList::Entry** entry) {
  for (uint32_t i = 0; i < list->count; ++i) {
    if (&list->entries[i] == handle) {
      *entry = &list->entries[i];
      return ACL_SUCCESS;
    }
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not a parameter of this argument list", handle);
}

}  // namespace

aclError MakeArgsList(Function* function, ArgsList** list) {
  const std::lock_guard lock(function->args_mutex);
  ArgsList* made = nullptr;
  if (function->args_lists.size() < kMaxLists) {
    auto fresh = std::make_unique<ArgsList>();
    fresh->capacity = Aligned(function->arg_size, ArgsList::kDataAlign) + size_t{kMaxDataBytes};
    fresh->storage = std::make_unique_for_overwrite<std::byte[]>(fresh->capacity);
    made = fresh.get();
    function->args_lists.push_back(std::move(fresh));
  } else {
    made = function->args_lists[function->next_args_list++ % kMaxLists].get();
  }
  Init(function, made->storage.get(), made->capacity, made);
  *list = made;
  return ACL_SUCCESS;
}

aclError PlaceArgsList(Function* function, void* list, void* memory, size_t capacity) {
  if (reinterpret_cast<uintptr_t>(list) % alignof(ArgsList) != 0) {
    return Fail(ACL_ERROR_RT_ADDR_UNALIGNED,
                "the memory for the argument list is not aligned to {}", alignof(ArgsList));
  }
  if (capacity < function->arg_size) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} bytes are too few for the arguments of kernel '{}'; ask "
                "aclrtKernelArgsGetMemSize",
                capacity, function->name);
  }
  Init(function, static_cast<std::byte*>(memory), capacity, new (list) ArgsList);
  return ACL_SUCCESS;
}

size_t ArgsMemoryBytes(const Function& function, size_t user_bytes) {
  // Each placeholder's data may start anew at its alignment.
  return Aligned(function.arg_size, ArgsList::kDataAlign) +
         (user_bytes + ArgsList::kDataAlign - 1) / ArgsList::kDataAlign * ArgsList::kDataAlign +
         size_t{ArgsList::kDataAlign} * function.param_count;
}

aclError ResolveArgsList(void* handle, ArgsList** list) {
  VNPU_REQUIRE_NOT_NULL(handle);
  auto* found = static_cast<ArgsList*>(handle);
  if (reinterpret_cast<uintptr_t>(handle) % alignof(ArgsList) != 0 ||
      found->magic != ArgsList::kMagic || !found->function->alive() ||
      found->function->generation() != found->function_generation) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE,
                "{} is not an argument list, or its kernel was unloaded", handle);
  }
  *list = found;
  return ACL_SUCCESS;
}

aclError AppendArg(ArgsList* list, const void* value, size_t size, ArgsList::Entry** entry) {
  VNPU_RETURN_IF_ERROR(NextEntry(list, size, entry));
  std::memcpy(list->memory + (*entry)->offset, value, size);
  return ACL_SUCCESS;
}

aclError AppendPlaceholder(ArgsList* list, ArgsList::Entry** entry) {
  VNPU_RETURN_IF_ERROR(NextEntry(list, sizeof(uint64_t), entry));
  (*entry)->is_placeholder = 1;
  return ACL_SUCCESS;
}

aclError PlaceholderBuffer(ArgsList* list, void* handle, size_t size, void** buffer) {
  ArgsList::Entry* entry = nullptr;
  VNPU_RETURN_IF_ERROR(FindEntry(list, handle, &entry));
  if (entry->is_placeholder == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the parameter is not a placeholder");
  }
  if (list->count != list->function->param_count) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "append all {} parameters of kernel '{}' before asking for placeholder buffers",
                list->function->param_count, list->function->name);
  }
  const uint32_t begin = Aligned(list->data_end, ArgsList::kDataAlign);
  if (size > list->capacity || begin > list->capacity - size ||
      begin + size - list->data_begin > kMaxDataBytes) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "no room for {} bytes of placeholder data (at most {} a launch)", size,
                kMaxDataBytes);
  }
  entry->data_offset = begin;
  list->data_end = begin + static_cast<uint32_t>(size);
  *buffer = list->memory + begin;
  return ACL_SUCCESS;
}

aclError UpdateArg(ArgsList* list, void* handle, const void* value, size_t size) {
  ArgsList::Entry* entry = nullptr;
  VNPU_RETURN_IF_ERROR(FindEntry(list, handle, &entry));
  if (entry->is_placeholder != 0 || entry->size != size) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the parameter is a placeholder, or has {} bytes and not {}", entry->size, size);
  }
  std::memcpy(list->memory + entry->offset, value, size);
  list->finalized = false;
  return ACL_SUCCESS;
}

aclError FinalizeArgs(ArgsList* list) {
  if (list->count != list->function->param_count) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "kernel '{}' takes {} arguments; {} were appended",
                list->function->name, list->function->param_count, list->count);
  }
  for (uint32_t i = 0; i < list->count; ++i) {
    if (list->entries[i].is_placeholder != 0 && list->entries[i].data_offset == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "placeholder {} has no buffer; call aclrtKernelArgsGetPlaceHolderBuffer", i);
    }
  }
  list->finalized = true;
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
