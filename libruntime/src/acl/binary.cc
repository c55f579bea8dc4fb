// Loading images and asking about kernels.
#include <vnpu/abi.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
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

aclError ReadOptions(const aclrtBinaryLoadOptions* options, bool* lazy) {
  if (options == nullptr) {
    return ACL_SUCCESS;
  }
  if (options->numOpt > 0 && options->options == nullptr) {
    return Fail(ACL_ERROR_INVALID_PARAM, "there are {} load options at null", options->numOpt);
  }
  for (size_t i = 0; i < options->numOpt; ++i) {
    const aclrtBinaryLoadOption& option = options->options[i];
    switch (option.type) {
      case ACL_RT_BINARY_LOAD_OPT_LAZY_LOAD:
        *lazy = option.value.isLazyLoad != 0;
        break;
      case ACL_RT_BINARY_LOAD_OPT_MAGIC:
        break;  // the image itself says for which cores its kernels are
      case ACL_RT_BINARY_LOAD_OPT_CPU_KERNEL_MODE:
        return Fail(
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
            "AI CPU operator packages are not supported; compile AI CPU kernels with npucc");
      default:
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown load option {}",
                    static_cast<int>(option.type));
    }
  }
  return ACL_SUCCESS;
}

aclError Load(const void* data, size_t bytes, const aclrtBinaryLoadOptions* options,
              aclrtBinHandle* handle) {
  bool lazy = false;
  VNPU_RETURN_IF_ERROR(ReadOptions(options, &lazy));
  rt::Module* module = nullptr;
  VNPU_RETURN_IF_ERROR(rt::LoadModule(data, bytes, lazy, &module));
  *handle = module;
  return ACL_SUCCESS;
}

aclError ReadImage(const char* path, std::vector<char>* image) {
  constexpr std::string_view kDescription = ".json";
  if (std::string_view(path).ends_with(kDescription)) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "{} describes AI CPU operators, which are not supported; load an image of npucc",
                path);
  }
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

int64_t KernelType(uint32_t unit) {
  switch (unit) {
    case VNPU_UNIT_VECTOR_CORE:
      return ACL_KERNEL_TYPE_VECTOR;
    case VNPU_UNIT_MIX:
      return ACL_KERNEL_TYPE_MIX;
    case VNPU_UNIT_AI_CPU:
      return ACL_KERNEL_TYPE_AICPU;
    default:
      return ACL_KERNEL_TYPE_AICORE;
  }
}

}  // namespace

aclError aclrtBinaryLoadFromFile(const char* binPath, aclrtBinaryLoadOptions* options,
                                 aclrtBinHandle* binHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(binPath);
    VNPU_REQUIRE_NOT_NULL(binHandle);
    std::vector<char> image;
    VNPU_RETURN_IF_ERROR(ReadImage(binPath, &image));
    return Load(image.data(), image.size(), options, binHandle);
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
    return Load(data, length, options, binHandle);
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
    return Load(found->data, found->bytes, nullptr, binHandle);
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
    *binAddr = module->lazy ? nullptr : reinterpret_cast<void*>(module->address);
    *binSize = module->span;
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

aclError aclrtGetFuncBySymbol(const void* symbol, aclrtFuncHandle* funcHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(symbol);
    VNPU_REQUIRE_NOT_NULL(funcHandle);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::FindFunctionBySymbol(symbol, &function));
    *funcHandle = function;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetFunctionName(aclrtFuncHandle funcHandle, uint32_t maxLen, char* name) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(name);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    if (function->name.size() >= maxLen) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "the name has {} characters, maxLen is {}",
                  function->name.size(), maxLen);
    }
    std::memcpy(name, function->name.c_str(), function->name.size() + 1);
    return ACL_SUCCESS;
  });
}

aclError aclrtGetFunctionAddr(aclrtFuncHandle funcHandle, void** aicAddr, void** aivAddr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(aicAddr);
    VNPU_REQUIRE_NOT_NULL(aivAddr);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    auto* const address = reinterpret_cast<void*>(function->address);
    const bool on_vector =
        function->unit == VNPU_UNIT_VECTOR_CORE || function->unit == VNPU_UNIT_MIX;
    *aicAddr = function->unit == VNPU_UNIT_VECTOR_CORE ? nullptr : address;
    *aivAddr = on_vector ? address : nullptr;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetFunctionAttribute(aclrtFuncHandle funcHandle, aclrtFuncAttribute attrType,
                                   int64_t* attrValue) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(attrValue);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    switch (attrType) {
      case ACL_FUNC_ATTR_KERNEL_TYPE:
        *attrValue = KernelType(function->unit);
        return ACL_SUCCESS;
      case ACL_FUNC_ATTR_KERNEL_SCHED_MODE:
        *attrValue = 0;  // blocks start as cores get free
        return ACL_SUCCESS;
      default:
        return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "kernels have no attribute {}",
                    static_cast<int>(attrType));
    }
  });
}

aclError aclrtFunctionGetBinary(const aclrtFuncHandle funcHandle, aclrtBinHandle* binHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(binHandle);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    *binHandle = function->module;
    return ACL_SUCCESS;
  });
}

aclError aclrtFunctionGetParamCount(const void* func, size_t* paramCount) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(paramCount);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(func, &function));
    *paramCount = function->param_count;
    return ACL_SUCCESS;
  });
}

aclError aclrtFunctionGetParamInfo(const void* func, size_t paramIndex, size_t* paramOffset,
                                   size_t* paramSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(paramOffset);
    VNPU_REQUIRE_NOT_NULL(paramSize);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(func, &function));
    if (paramIndex >= function->params.size()) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "kernel '{}' has {} parameters; index is {}",
                  function->name, function->param_count, paramIndex);
    }
    *paramOffset = function->params[paramIndex].offset;
    *paramSize = function->params[paramIndex].size;
    return ACL_SUCCESS;
  });
}

aclError aclrtFunctionGetAvailDynUbufPerBlock(void* func, uint32_t flags, size_t* dynamicUbufSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(dynamicUbufSize);
    if (flags != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flags is {}; it takes 0", flags);
    }
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(func, &function));
    *dynamicUbufSize = 0;  // as for every kernel that is not SIMT
    return ACL_SUCCESS;
  });
}
