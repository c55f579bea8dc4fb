// Loading images and finding their kernels.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/kernel/cpu_operators.h"
#include "libruntime/src/kernel/module.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// What aclrtCreateBinary describes; the data stays the application's.
struct alignas(64) BinaryData : rt::SlabObject {
  const void* data = nullptr;
  size_t bytes = 0;
};
constinit rt::Slab<BinaryData, 65536> binaries;

// What the options of a load say; cpuKernelMode: -1 without.
struct Options {
  bool lazy = false;
  int32_t cpu_kernel_mode = -1;
};

aclError ReadOption(const aclrtBinaryLoadOption& option, Options* read) {
  switch (option.type) {
    case ACL_RT_BINARY_LOAD_OPT_LAZY_LOAD:
      if (option.value.isLazyLoad > 1) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "isLazyLoad is {}; it takes 0 or 1",
                    option.value.isLazyLoad);
      }
      read->lazy = option.value.isLazyLoad != 0;
      return ACL_SUCCESS;
    case ACL_RT_BINARY_LOAD_OPT_MAGIC:
      // The image itself says for which cores its kernels are.
      if (option.value.magic != ACL_RT_BINARY_MAGIC_ELF_AICORE &&
          option.value.magic != ACL_RT_BINARY_MAGIC_ELF_VECTOR_CORE &&
          option.value.magic != ACL_RT_BINARY_MAGIC_ELF_CUBE_CORE) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID,
                    "magic is {:#x}; it takes the ACL_RT_BINARY_MAGIC_ELF_* values",
                    option.value.magic);
      }
      return ACL_SUCCESS;
    case ACL_RT_BINARY_LOAD_OPT_CPU_KERNEL_MODE:
      if (option.value.cpuKernelMode < 0 || option.value.cpuKernelMode > 2) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "cpuKernelMode is {}; it takes 0 to 2",
                    option.value.cpuKernelMode);
      }
      read->cpu_kernel_mode = option.value.cpuKernelMode;
      return ACL_SUCCESS;
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown load option {}",
                  static_cast<int>(option.type));
  }
}

aclError ReadOptions(const aclrtBinaryLoadOptions* options, Options* read) {
  if (options == nullptr) {
    return ACL_SUCCESS;
  }
  if (options->numOpt > 0 && options->options == nullptr) {
    return Fail(ACL_ERROR_INVALID_PARAM, "there are {} load options at null", options->numOpt);
  }
  for (size_t i = 0; i < options->numOpt; ++i) {
    VNPU_RETURN_IF_ERROR(ReadOption(options->options[i], read));
  }
  return ACL_SUCCESS;
}

aclError Load(const void* data, size_t bytes, rt::LoadOptions options, aclrtBinHandle* handle) {
  rt::Module* module = nullptr;
  VNPU_RETURN_IF_ERROR(rt::LoadModule(data, bytes, std::move(options), &module));
  *handle = module;
  return ACL_SUCCESS;
}

aclError ReadImage(const char* path, std::vector<char>* image) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Fail(ACL_ERROR_RT_FILE_OPEN, "cannot open the image {}: {}", path, std::strerror(errno));
  }
  // Unlike an iterator, << does not throw where reading fails, as it does of a folder.
  std::ostringstream content;
  content << file.rdbuf();
  const std::string_view bytes = content.view();
  image->assign(bytes.begin(), bytes.end());
  if (file.bad() || image->empty()) {
    return Fail(ACL_ERROR_RT_FILE_OPEN, "the image {} cannot be read or is empty", path);
  }
  return ACL_SUCCESS;
}

aclError LoadFile(const char* path, const Options& options, aclrtBinHandle* handle) {
  rt::LoadOptions load{.lazy = options.lazy, .cpu_mode = rt::CpuKernelMode::kNone, .operators = {}};
  std::string file = path;
  const bool described = std::string_view(path).ends_with(".json");
  if (described || options.cpu_kernel_mode >= 0) {
    if (options.cpu_kernel_mode == 0) {
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                  "no AI CPU operators are built in; load your own with cpuKernelMode 1 or 2");
    }
    if (!described || options.cpu_kernel_mode == 2) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "cpuKernelMode 1 takes a description (.json), mode 2 aclrtBinaryLoadFromData");
    }
    rt::CpuOperators operators;
    VNPU_RETURN_IF_ERROR(rt::ReadCpuOperators(path, &operators));
    load.cpu_mode = rt::CpuKernelMode::kDescription;
    load.operators = std::move(operators.kernels);
    file = std::move(operators.library);
  }
  std::vector<char> image;
  VNPU_RETURN_IF_ERROR(ReadImage(file.c_str(), &image));
  return Load(image.data(), image.size(), std::move(load), handle);
}

}  // namespace

aclError aclrtBinaryLoadFromFile(const char* binPath, aclrtBinaryLoadOptions* options,
                                 aclrtBinHandle* binHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(binPath);
    VNPU_REQUIRE_NOT_NULL(binHandle);
    Options read;
    VNPU_RETURN_IF_ERROR(ReadOptions(options, &read));
    return LoadFile(binPath, read, binHandle);
  });
}

aclError aclrtBinaryLoadFromData(const void* data, size_t length,
                                 const aclrtBinaryLoadOptions* options, aclrtBinHandle* binHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(data);
    VNPU_REQUIRE_NOT_NULL(binHandle);
    if (length == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "length is 0");
    }
    Options read;
    VNPU_RETURN_IF_ERROR(ReadOptions(options, &read));
    if (read.cpu_kernel_mode == 0 || read.cpu_kernel_mode == 1) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "cpuKernelMode {} is for aclrtBinaryLoadFromFile; data take mode 2",
                  read.cpu_kernel_mode);
    }
    const auto mode =
        read.cpu_kernel_mode == 2 ? rt::CpuKernelMode::kRegistered : rt::CpuKernelMode::kNone;
    return Load(data, length, {.lazy = read.lazy, .cpu_mode = mode, .operators = {}}, binHandle);
  });
}

aclrtBinary aclrtCreateBinary(const void* data, size_t dataLen) {
  aclrtBinary result = nullptr;
  Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(data);
    if (dataLen == 0) {
      return Fail(ACL_ERROR_INVALID_PARAM, "dataLen is 0");
    }
    BinaryData* binary = binaries.Allocate();
    if (binary == nullptr) {
      return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "too many binaries; destroy some");
    }
    binary->data = data;
    binary->bytes = dataLen;
    binaries.Publish(binary);
    result = binary;
    return ACL_SUCCESS;
  });
  return result;
}

aclError aclrtDestroyBinary(aclrtBinary binary) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(binary);
    BinaryData* found = binaries.Resolve(binary);
    if (found == nullptr || !binaries.Retire(found)) {
      return Fail(ACL_ERROR_RT_INVALID_HANDLE, "{} is not a binary, or it was destroyed", binary);
    }
    binaries.Free(found);
    return ACL_SUCCESS;
  });
}

aclError aclrtBinaryLoad(const aclrtBinary binary, aclrtBinHandle* binHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(binary);
    VNPU_REQUIRE_NOT_NULL(binHandle);
    const BinaryData* found = binaries.Resolve(binary);
    if (found == nullptr) {
      return Fail(ACL_ERROR_RT_INVALID_HANDLE, "{} is not a binary, or it was destroyed", binary);
    }
    return Load(found->data, found->bytes, {}, binHandle);
  });
}

aclError aclrtBinaryUnLoad(aclrtBinHandle binHandle) {
  return Guard(__func__, [&]() -> aclError {
    rt::Module* module = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModule(binHandle, &module));
    return rt::UnloadModule(module);
  });
}

aclError aclrtBinaryGetDevAddress(const aclrtBinHandle binHandle, void** binAddr, size_t* binSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(binAddr);
    VNPU_REQUIRE_NOT_NULL(binSize);
    rt::Module* module = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModule(binHandle, &module));
    const std::lock_guard lock(module->mutex);
    *binAddr = reinterpret_cast<void*>(module->address);
    *binSize = module->address == 0 ? module->image_bytes : module->span;
    return ACL_SUCCESS;
  });
}

aclError aclrtBinaryGetGlobal(aclrtBinHandle binHandle, const char* name, void** dptr,
                              size_t* size) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(name);
    if (dptr == nullptr && size == nullptr) {
      return Fail(ACL_ERROR_INVALID_PARAM, "dptr and size are both null; pass one at least");
    }
    rt::Module* module = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModule(binHandle, &module));
    uint64_t address = 0;
    uint64_t bytes = 0;
    VNPU_RETURN_IF_ERROR(rt::FindGlobal(module, name, &address, &bytes));
    if (dptr != nullptr) {
      *dptr = reinterpret_cast<void*>(address);
    }
    if (size != nullptr) {
      *size = bytes;
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtBinaryGetFunction(const aclrtBinHandle binHandle, const char* kernelName,
                                aclrtFuncHandle* funcHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(kernelName);
    VNPU_REQUIRE_NOT_NULL(funcHandle);
    rt::Module* module = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModule(binHandle, &module));
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::FindFunction(module, kernelName, &function));
    *funcHandle = function;
    return ACL_SUCCESS;
  });
}

aclError aclrtBinaryGetFunctionByEntry(aclrtBinHandle binHandle, uint64_t funcEntry,
                                       aclrtFuncHandle* funcHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(funcHandle);
    rt::Module* module = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModule(binHandle, &module));
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::FindFunctionByEntry(module, funcEntry, &function));
    *funcHandle = function;
    return ACL_SUCCESS;
  });
}

aclError aclrtRegisterCpuFunc(const aclrtBinHandle handle, const char* funcName,
                              const char* kernelName, aclrtFuncHandle* funcHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(funcName);
    VNPU_REQUIRE_NOT_NULL(kernelName);
    VNPU_REQUIRE_NOT_NULL(funcHandle);
    rt::Module* module = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModule(handle, &module));
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::RegisterOperator(module, funcName, kernelName, &function));
    *funcHandle = function;
    return ACL_SUCCESS;
  });
}
