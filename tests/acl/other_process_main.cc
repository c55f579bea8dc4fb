// Carries out commands of a test, one a line, and answers each with a line: an error code unless
// said otherwise. The address that it works at is the last that it got.
//
//   pid                      process id, as aclrtDeviceGetBareTgid tells it
//   device N                 sets the device
//   peer N                   lets the current device reach device N
//   import KEY FLAGS         aclrtIpcMemImportByKey
//   close KEY                aclrtIpcMemClose
//   export BYTES FLAGS       allocates and shares: the key
//   allow KEY PID            aclrtIpcMemSetImportPid
//   open HANDLE DEVICE       imports a shareable handle and maps it
//   fabric HEX               the same for a handle of the other kind
//   share BYTES FLAGS        physical memory, mapped, with a shareable handle: the handle
//   write VALUE              stores a number
//   read                     the number
//   increment                adds 1, by a kernel
//   unmap                    of what `open` or `share` mapped
//   free                     of what they mapped
//   cpu_count                starts a kernel on an AI CPU, in a stream of its own
//   cpu_spin BLOCKS LIMIT    starts one that never ends; LIMIT microseconds, 0: none
//   cpu_work BLOCKS AT_ONCE  starts one with blocks of some milliseconds; so many run when it
//   answers pending                  1 while what they started is not done finish waits for it
//   message                  aclGetRecentErrMsg, in one line
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include "acl/acl.h"

namespace {

struct State {
  void* address = nullptr;
  aclrtDrvMemHandle physical = nullptr;
  aclrtStream stream = nullptr;
};
State state;

aclError MapPhysical(size_t bytes) {
  aclError error = aclrtReserveMemAddress(&state.address, bytes, 0, nullptr, 0);
  return error != ACL_SUCCESS ? error : aclrtMapMem(state.address, bytes, 0, state.physical, 0);
}

aclError Increment() {
  aclrtBinHandle binary = nullptr;
  aclrtFuncHandle function = nullptr;
  aclrtStream stream = nullptr;
  aclError error = aclrtBinaryLoadFromFile(VNPU_TEST_KERNELS, nullptr, &binary);
  error = error != 0 ? error : aclrtBinaryGetFunction(binary, "increment", &function);
  error = error != 0 ? error : aclrtCreateStream(&stream);
  error = error != 0 ? error
                     : aclrtLaunchKernelWithHostArgs(function, 1, stream, nullptr, &state.address,
                                                     sizeof(state.address), nullptr, 0);
  return error != 0 ? error : aclrtSynchronizeStream(stream);
}

aclError LaunchOnCpu(const char* name, uint32_t blocks, uint32_t limit_us, void* args,
                     size_t size) {
  aclrtBinHandle binary = nullptr;
  aclrtFuncHandle function = nullptr;
  aclError error = aclrtBinaryLoadFromFile(VNPU_TEST_KERNELS, nullptr, &binary);
  error = error != 0 ? error : aclrtBinaryGetFunction(binary, name, &function);
  error = error != 0 ? error : aclrtCreateStream(&state.stream);
  aclrtLaunchKernelAttr attribute{};
  attribute.id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US;
  attribute.value.timeoutUs = {.timeoutLow = limit_us, .timeoutHigh = 0};
  aclrtLaunchKernelCfg config{.attrs = &attribute, .numAttrs = 1};
  return error != 0 ? error
                    : aclrtLaunchKernelWithHostArgs(function, blocks, state.stream, &config, args,
                                                    size, nullptr, 0);
}

aclError CountOnCpu() {
  void* words = nullptr;
  const aclError error = aclrtMallocHost(&words, 2 * sizeof(int));
  if (error != 0) {
    return error;
  }
  int* pair[2] = {static_cast<int*>(words), static_cast<int*>(words) + 1};
  *pair[1] = 1;
  return LaunchOnCpu("cpu_wait", 1, 0, pair, sizeof(pair));
}

// Returns when so many blocks have run at the same time.
aclError WorkOnCpu(uint32_t blocks, int at_once) {
  struct {
    void* crowd;
    int turns;
  } args{.crowd = nullptr, .turns = 4'000'000};
  aclError error = aclrtMallocHost(&args.crowd, 2 * sizeof(int));
  if (error != 0) {
    return error;
  }
  std::memset(args.crowd, 0, 2 * sizeof(int));
  error = LaunchOnCpu("cpu_crowd", blocks, 0, &args, sizeof(args));
  const int* const most = static_cast<const int*>(args.crowd) + 1;
  while (error == 0 && __atomic_load_n(most, __ATOMIC_SEQ_CST) < at_once) {
    std::this_thread::yield();
  }
  return error;
}

bool Pending() {
  aclrtStreamStatus status = ACL_STREAM_STATUS_COMPLETE;
  return aclrtStreamQuery(state.stream, &status) == 0 && status != ACL_STREAM_STATUS_COMPLETE;
}

std::string Export(size_t bytes, uint64_t flags) {
  char key[65] = "";
  aclError error = aclrtMalloc(&state.address, bytes, ACL_MEM_MALLOC_HUGE_FIRST);
  error = error != 0 ? error : aclrtIpcMemGetExportKey(state.address, bytes, key, 65, flags);
  return error != 0 ? std::to_string(error) : key;
}

std::string Share(size_t bytes, uint64_t flags) {
  aclrtPhysicalMemProp properties{};
  properties.memAttr = ACL_HBM_MEM_HUGE;
  properties.location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
  uint64_t handle = 0;
  aclError error = aclrtMallocPhysical(&state.physical, bytes, &properties, 0);
  error = error != 0 ? error : MapPhysical(bytes);
  error = error != 0 ? error
                     : aclrtMemExportToShareableHandle(state.physical, ACL_MEM_HANDLE_TYPE_NONE,
                                                       flags, &handle);
  return std::to_string(error != 0 ? static_cast<uint64_t>(error) : handle);
}

constexpr size_t kHuge = size_t{2} << 20;

aclError Open(uint64_t handle, int32_t device) {
  const aclError error = aclrtMemImportFromShareableHandle(handle, device, &state.physical);
  return error != 0 ? error : MapPhysical(kHuge);
}

aclError OpenFabric(const std::string& text) {
  aclrtMemFabricHandle handle{};
  for (size_t i = 0; i < sizeof(handle.data) && 2 * i + 1 < text.size(); ++i) {
    handle.data[i] = static_cast<uint8_t>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  }
  const aclError error = aclrtMemImportFromShareableHandleV2(
      &handle, ACL_MEM_SHARE_HANDLE_TYPE_FABRIC, 0, &state.physical);
  return error != 0 ? error : MapPhysical(kHuge);
}

aclError Write(int32_t value) {
  return aclrtMemcpy(state.address, 4, &value, 4, ACL_MEMCPY_HOST_TO_DEVICE);
}

std::string Read() {
  int32_t value = 0;
  const aclError error = aclrtMemcpy(&value, 4, state.address, 4, ACL_MEMCPY_DEVICE_TO_HOST);
  return error != 0 ? "error " + std::to_string(error) : std::to_string(value);
}

template <class T>
T Next(std::istream& line) {
  T value{};
  line >> value;
  return value;
}

using Command = std::function<std::string(std::istream&)>;

std::string Message() {
  const char* message = aclGetRecentErrMsg();
  std::string text = message != nullptr ? message : "";
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

template <class Function>
Command Code(Function function) {
  return [function](std::istream& line) { return std::to_string(function(line)); };
}

const std::map<std::string, Command>& Commands() {
  static const std::map<std::string, Command> commands = {
      {"pid", Code([](std::istream&) {
         int32_t pid = 0;
         aclrtDeviceGetBareTgid(&pid);
         return pid;
       })},
      {"device", Code([](std::istream& in) { return aclrtSetDevice(Next<int32_t>(in)); })},
      {"peer",
       Code([](std::istream& in) { return aclrtDeviceEnablePeerAccess(Next<int32_t>(in), 0); })},
      {"import", Code([](std::istream& in) {
         const auto key = Next<std::string>(in);
         return aclrtIpcMemImportByKey(&state.address, key.c_str(), Next<uint64_t>(in));
       })},
      {"close",
       Code([](std::istream& in) { return aclrtIpcMemClose(Next<std::string>(in).c_str()); })},
      {"export",
       [](std::istream& in) {
         const auto bytes = Next<size_t>(in);
         return Export(bytes, Next<uint64_t>(in));
       }},
      {"allow", Code([](std::istream& in) {
         const auto key = Next<std::string>(in);
         auto pid = Next<int32_t>(in);
         return aclrtIpcMemSetImportPid(key.c_str(), &pid, 1);
       })},
      {"open", Code([](std::istream& in) {
         const auto handle = Next<uint64_t>(in);
         return Open(handle, Next<int32_t>(in));
       })},
      {"fabric", Code([](std::istream& in) { return OpenFabric(Next<std::string>(in)); })},
      {"share",
       [](std::istream& in) {
         const auto bytes = Next<size_t>(in);
         return Share(bytes, Next<uint64_t>(in));
       }},
      {"write", Code([](std::istream& in) { return Write(Next<int32_t>(in)); })},
      {"read", [](std::istream&) { return Read(); }},
      {"increment", Code([](std::istream&) { return Increment(); })},
      {"unmap", Code([](std::istream&) { return aclrtUnmapMem(state.address); })},
      {"free", Code([](std::istream&) { return aclrtFreePhysical(state.physical); })},
      {"cpu_count", Code([](std::istream&) { return CountOnCpu(); })},
      {"cpu_spin", Code([](std::istream& in) {
         const auto blocks = Next<uint32_t>(in);
         return LaunchOnCpu("cpu_spin", blocks, Next<uint32_t>(in), nullptr, 0);
       })},
      {"cpu_work", Code([](std::istream& in) {
         const auto blocks = Next<uint32_t>(in);
         return WorkOnCpu(blocks, Next<int>(in));
       })},
      {"pending", Code([](std::istream&) { return Pending() ? 1 : 0; })},
      {"finish", Code([](std::istream&) { return aclrtSynchronizeStream(state.stream); })},
      {"message", [](std::istream&) { return Message(); }},
  };
  return commands;
}

}  // namespace

int main() {
  aclInit(nullptr);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    const auto found = Commands().find(Next<std::string>(words));
    std::cout << (found != Commands().end() ? found->second(words) : "unknown") << std::endl;
  }
  aclFinalize();
  return 0;
}
