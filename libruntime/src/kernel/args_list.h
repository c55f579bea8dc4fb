// Argument lists that are built parameter by parameter: the objects behind aclrtArgsHandle.
#ifndef VNPU_LIBRUNTIME_SRC_KERNEL_ARGS_LIST_H_
#define VNPU_LIBRUNTIME_SRC_KERNEL_ARGS_LIST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "acl/acl_base.h"
#include "libruntime/src/kernel/module.h"

namespace vnpu::runtime {

// Lies in the heap or in memory that the application provides, so it is plain data but for
// `storage`, which is empty in the second case.
//
// Layout of `memory`: the arguments as the kernel wants them, then the data of placeholders.
struct ArgsList {
  static constexpr uint64_t kMagic = 0x5350'4152'4753'4c31;
  static constexpr uint32_t kMaxParams = 128;
  static constexpr uint32_t kDataAlign = 32;

  // One parameter; its address is the aclrtParamHandle.
  struct Entry {
    uint32_t offset;  // in the arguments
    uint32_t size;
    uint32_t data_offset;  // placeholders: in `memory`; 0: no buffer yet
    uint32_t is_placeholder;
  };

  uint64_t magic = 0;
  Function* function = nullptr;
  uint32_t function_generation = 0;
  uint32_t count = 0;
  std::byte* memory = nullptr;
  size_t capacity = 0;
  uint32_t data_begin = 0;
  uint32_t data_end = 0;
  bool finalized = false;
  std::array<Entry, kMaxParams> entries{};
  std::unique_ptr<std::byte[]> storage;
};

// A list that lives until the kernel's image is unloaded.
aclError MakeArgsList(Function* function, ArgsList** list);
// A list in the application's memory.
aclError PlaceArgsList(Function* function, void* list, void* memory, size_t capacity);
// Bytes of memory for a list whose arguments and placeholder data take `user_bytes`.
size_t ArgsMemoryBytes(const Function& function, size_t user_bytes);

aclError ResolveArgsList(void* handle, ArgsList** list);

aclError AppendArg(ArgsList* list, const void* value, size_t size, ArgsList::Entry** entry);
aclError AppendPlaceholder(ArgsList* list, ArgsList::Entry** entry);
aclError PlaceholderBuffer(ArgsList* list, void* entry, size_t size, void** buffer);
aclError UpdateArg(ArgsList* list, void* entry, const void* value, size_t size);
aclError FinalizeArgs(ArgsList* list);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_KERNEL_ARGS_LIST_H_
