// Loaded device images and their kernels: the objects behind aclrtBinHandle and aclrtFuncHandle.
#ifndef VNPU_LIBRUNTIME_SRC_KERNEL_MODULE_H_
#define VNPU_LIBRUNTIME_SRC_KERNEL_MODULE_H_

#include <vnpu/ioctl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/base/slab.h"
#include "libruntime/src/base/unique_fd.h"

namespace vnpu::runtime {

class Session;
struct Module;
struct ArgsList;

struct Param {
  uint32_t offset = 0;
  uint32_t size = 0;
};

struct alignas(64) Function : SlabObject {
  uint64_t session_serial = 0;
  uint32_t func_id = 0;
  uint32_t arg_size = 0;
  uint32_t unit = 0;  // enum vnpu_unit
  uint32_t param_count = 0;
  std::vector<Param> params;  // the first VNPU_SYMBOL_PARAMS at most
  Module* module = nullptr;
  uint64_t address = 0;
  uint64_t code_size = 0;   // bytes; 0: unknown
  uint16_t cube_ratio = 0;  // mix: AI cores and vector cores of a block
  uint16_t vector_ratio = 0;
  std::string name;
  std::mutex args_mutex;
  std::vector<std::unique_ptr<ArgsList>> args_lists;  // made by aclrtKernelArgsInit
  size_t next_args_list = 0;
};

// How the kernels of an AI CPU image get known (manual 25-04, aclrtBinaryLoadOptionValue).
enum class CpuKernelMode {
  kNone,         // by their names, as those of every image
  kDescription,  // by the operators that a description (.json) names
  kRegistered,   // by aclrtRegisterCpuFunc
};

struct alignas(64) Module : SlabObject {
  std::shared_ptr<Session> session;
  CpuKernelMode cpu_mode = CpuKernelMode::kNone;
  std::mutex mutex;  // guards what follows
  UniqueFd image;    // until it is on the device
  uint64_t image_bytes = 0;
  bool prints = false;  // its kernels may call printf
  uint32_t module_id = 0;
  uint32_t kernels = 0;
  std::vector<uint32_t> kernel_ids;  // as FindKernelIds gives them; empty: not asked for yet
  uint64_t address = 0;              // 0: not on the device yet
  uint64_t span = 0;
  std::map<std::string, Function*, std::less<>> functions;
  // Operators of AI CPU images (opType): the kernels' names in the image.
  std::map<std::string, std::string, std::less<>> operators;
  aclrtOpExceptionCallback exception_callback = nullptr;  // for kernels of the image that fail
  void* exception_argument = nullptr;
};

// A kernel, null: not loaded, and the callback for its failures; null function: none.
struct KernelCallback {
  aclrtOpExceptionCallback function = nullptr;
  void* argument = nullptr;
  Function* kernel = nullptr;
};
KernelCallback FindKernelCallback(const Session& session, uint32_t func_id);

inline constexpr size_t kMaxModules = 65536;
inline constexpr size_t kMaxFunctions = 1u << 20;
extern Slab<Module, kMaxModules> modules;
extern Slab<Function, kMaxFunctions> functions;

struct LoadOptions {
  bool lazy = false;  // on the device not before a kernel or variable of it is asked for
  CpuKernelMode cpu_mode = CpuKernelMode::kNone;
  std::map<std::string, std::string, std::less<>> operators;  // as Module::operators
};
// Loads an image into the device of the calling thread's context.
aclError LoadModule(const void* image, size_t bytes, LoadOptions options, Module** module);
// The kernels' handles end with it. Its tasks must be done.
aclError UnloadModule(Module* module);

// Makes all images of a session and their kernels stale; the session's end frees them.
void DropModulesOf(const Session& session);

// The kernel of a host program's symbol (vnpu/host_image.h), on the device of the calling thread's
// context; loads its image on first use.
aclError FindFunctionBySymbol(const void* symbol, Function** function);

// The device variable of a host program's symbol, likewise.
aclError FindGlobalBySymbol(const void* symbol, uint64_t* address, uint64_t* size);

aclError ResolveModule(void* handle, Module** module);
aclError FindFunction(Module* module, const char* name, Function** function);
// By its number in the image, from 0.
aclError FindFunctionByEntry(Module* module, uint64_t entry, Function** function);
// The func_ids of all kernels, by their numbers; VNPU_NO_FUNCTION in the place of those for the AI
// CPU.
aclError FindKernelIds(Module* module, std::vector<uint32_t>* ids);
// The AI CPU kernel `entry` of an image, to be known as `operator_name` too.
aclError RegisterOperator(Module* module, const char* entry, const char* operator_name,
                          Function** function);
aclError FindGlobal(Module* module, const char* name, uint64_t* address, uint64_t* size);

[[gnu::cold]] aclError FailStaleFunction(const void* handle);

inline aclError ResolveFunction(const void* handle, Function** function) {
  *function = functions.Resolve(handle);
  return *function != nullptr ? ACL_SUCCESS : FailStaleFunction(handle);
}

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_KERNEL_MODULE_H_
