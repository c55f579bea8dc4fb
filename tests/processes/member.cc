// A member of the group: the test program once more, which does what it is told, a line at a time,
// and answers with a line, an error code unless said otherwise.
//
//   start M D            as member M uses device D: memory of two kinds, a notify and an event, all
//   for others pid                  the process's number, as the driver has it keys of what it
//   shares: block, physical memory, notify, event allow PID            lets the process PID import
//   its memory and its notify import M KEYS...     what member M shares forget M             all of
//   that wait M | record M    the stream waits for the notify (its own only) or records it kick M
//   another stream records it capture M | await M  the same for the event affine M KIND A B    word
//   = word * A + B, over the memory of the kind (0: block, 1: physical) add M KIND PART K    word
//   += K, over a quarter of it write M KIND VALUE   every word read M KIND PART     the word of
//   which a quarter consists; "mixed" if it does not sync                 its streams, for a while
//   settle               makes its notify 0
//   end
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "acl/acl.h"
#include "tests/acl/peer_process.h"
#include "tests/processes/layout.h"

namespace vnpu::test {
namespace {

// What a member shares, as it or another has it.
struct Share {
  void* memory[kKinds] = {};
  aclrtDrvMemHandle physical = nullptr;
  aclrtNotify notify = nullptr;
  aclrtEvent event = nullptr;
  std::string block_key;
  uint64_t physical_key = 0;
};

struct State {
  int32_t device = 0;
  int self = 0;
  aclrtStream stream = nullptr;
  aclrtStream side = nullptr;
  aclrtFuncHandle add = nullptr;
  aclrtFuncHandle affine = nullptr;
  std::map<int, Share> shares;  // by member
};

#define RETURN_IF_ERROR(call)                              \
  if (const aclError code = (call); code != ACL_SUCCESS) { \
    return code;                                           \
  }

aclError MapPhysical(Share* share) {
  RETURN_IF_ERROR(aclrtReserveMemAddress(&share->memory[1], kPhysicalBytes, 0, nullptr, 0));
  return aclrtMapMem(share->memory[1], kPhysicalBytes, 0, share->physical, 0);
}

aclError Start(State& state, std::istream& words) {
  words >> state.self >> state.device;
  RETURN_IF_ERROR(aclrtSetDevice(state.device));
  RETURN_IF_ERROR(aclrtDeviceEnablePeerAccess(1 - state.device, 0));
  RETURN_IF_ERROR(aclrtCreateStream(&state.stream));
  RETURN_IF_ERROR(aclrtCreateStream(&state.side));
  aclrtBinHandle binary = nullptr;
  RETURN_IF_ERROR(aclrtBinaryLoadFromFile(VNPU_MODEL_KERNELS, nullptr, &binary));
  RETURN_IF_ERROR(aclrtBinaryGetFunction(binary, "model_add", &state.add));
  RETURN_IF_ERROR(aclrtBinaryGetFunction(binary, "model_affine", &state.affine));
  Share& own = state.shares[state.self];
  RETURN_IF_ERROR(aclrtMalloc(&own.memory[0], kBlockBytes, ACL_MEM_MALLOC_HUGE_FIRST));
  aclrtPhysicalMemProp properties{};
  properties.memAttr = ACL_HBM_MEM_HUGE;
  properties.location = {.id = static_cast<uint32_t>(state.device),
                         .type = ACL_MEM_LOCATION_TYPE_DEVICE};
  RETURN_IF_ERROR(aclrtMallocPhysical(&own.physical, kPhysicalBytes, &properties, 0));
  RETURN_IF_ERROR(MapPhysical(&own));
  for (void* memory : own.memory) {
    RETURN_IF_ERROR(aclrtMemset(memory, kBlockBytes, 0, kBlockBytes));
  }
  RETURN_IF_ERROR(aclrtCreateNotify(&own.notify, ACL_NOTIFY_DEFAULT));
  return aclrtCreateEventExWithFlag(&own.event, ACL_EVENT_IPC);
}

std::string Hex(const aclrtIpcEventHandle& handle) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : handle.reserved) {
    const auto value = static_cast<unsigned char>(byte);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

aclrtIpcEventHandle FromHex(const std::string& text) {
  aclrtIpcEventHandle handle{};
  for (size_t i = 0; i < sizeof(handle.reserved) && 2 * i + 1 < text.size(); ++i) {
    handle.reserved[i] = static_cast<char>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  }
  return handle;
}

std::string Keys(State& state) {
  Share& own = state.shares[state.self];
  char block[65] = "";
  char notify[65] = "";
  aclrtIpcEventHandle event{};
  aclError error = aclrtIpcMemGetExportKey(own.memory[0], kBlockBytes, block, sizeof(block), 0);
  error = error != 0 ? error
                     : aclrtMemExportToShareableHandle(own.physical, ACL_MEM_HANDLE_TYPE_NONE, 0,
                                                       &own.physical_key);
  error = error != 0 ? error : aclrtNotifyGetExportKey(own.notify, notify, sizeof(notify), 0);
  error = error != 0 ? error : aclrtIpcGetEventHandle(own.event, &event);
  own.block_key = block;
  return error != 0 ? "error " + std::to_string(error)
                    : own.block_key + " " + std::to_string(own.physical_key) + " " + notify + " " +
                          Hex(event);
}

aclError Allow(State& state, std::istream& words) {
  int32_t pid = 0;
  words >> pid;
  Share& own = state.shares[state.self];
  RETURN_IF_ERROR(aclrtIpcMemSetImportPid(own.block_key.c_str(), &pid, 1));
  RETURN_IF_ERROR(aclrtMemSetPidToShareableHandle(own.physical_key, &pid, 1));
  return aclrtNotifySetImportPid(own.notify, &pid, 1);
}

aclError Import(State& state, std::istream& words) {
  int member = 0;
  Share share;
  std::string notify;
  std::string event;
  words >> member >> share.block_key >> share.physical_key >> notify >> event;
  RETURN_IF_ERROR(aclrtIpcMemImportByKey(&share.memory[0], share.block_key.c_str(),
                                         ACL_RT_IPC_MEM_IMPORT_FLAG_ENABLE_PEER_ACCESS));
  RETURN_IF_ERROR(
      aclrtMemImportFromShareableHandle(share.physical_key, state.device, &share.physical));
  RETURN_IF_ERROR(MapPhysical(&share));
  RETURN_IF_ERROR(aclrtNotifyImportByKey(&share.notify, notify.c_str(), 0));
  RETURN_IF_ERROR(aclrtIpcOpenEventHandle(FromHex(event), &share.event));
  state.shares[member] = share;
  return ACL_SUCCESS;
}

aclError Forget(State& state, std::istream& words) {
  int member = 0;
  words >> member;
  const Share share = state.shares[member];
  state.shares.erase(member);
  RETURN_IF_ERROR(aclrtIpcMemClose(share.block_key.c_str()));
  RETURN_IF_ERROR(aclrtUnmapMem(share.memory[1]));
  RETURN_IF_ERROR(aclrtReleaseMemAddress(share.memory[1]));
  RETURN_IF_ERROR(aclrtFreePhysical(share.physical));
  RETURN_IF_ERROR(aclrtDestroyNotify(share.notify));
  return aclrtDestroyEvent(share.event);
}

void* NextMemory(State& state, std::istream& words) {
  int member = 0;
  int kind = 0;
  words >> member >> kind;
  return state.shares[member].memory[kind];
}

aclError Affine(State& state, std::istream& words) {
  struct {
    void* data;
    uint64_t count = kWords;
    uint64_t a = 0;
    uint64_t b = 0;
    uint64_t c = 0;
    uint64_t d = 0;
  } arguments{NextMemory(state, words)};
  words >> arguments.a >> arguments.d;
  return aclrtLaunchKernelWithHostArgs(state.affine, 2, state.stream, nullptr, &arguments,
                                       sizeof(arguments), nullptr, 0);
}

aclError Add(State& state, std::istream& words) {
  auto* const memory = static_cast<uint32_t*>(NextMemory(state, words));
  uint32_t part = 0;
  struct {
    uint32_t* data = nullptr;
    uint32_t count = kWords / kMembers;
    uint32_t k = 0;
  } arguments;
  words >> part >> arguments.k;
  arguments.data = memory + part * arguments.count;
  return aclrtLaunchKernelWithHostArgs(state.add, 2, state.stream, nullptr, &arguments,
                                       sizeof(arguments), nullptr, 0);
}

aclError Write(State& state, std::istream& words) {
  void* const memory = NextMemory(state, words);
  uint32_t value = 0;
  words >> value;
  return aclrtMemsetD32(memory, kBlockBytes, value, kWords);
}

std::string Read(State& state, std::istream& words) {
  auto* const memory = static_cast<uint32_t*>(NextMemory(state, words));
  uint32_t part = 0;
  words >> part;
  std::vector<uint32_t> found(kWords / kMembers);
  const size_t bytes = found.size() * sizeof(uint32_t);
  const aclError error = aclrtMemcpy(found.data(), bytes, memory + part * found.size(), bytes,
                                     ACL_MEMCPY_DEVICE_TO_HOST);
  if (error != ACL_SUCCESS) {
    return "error " + std::to_string(error);
  }
  const std::set<uint32_t> different(found.begin(), found.end());
  return different.size() == 1 ? std::to_string(found.front()) : "mixed";
}

Share& NextShare(State& state, std::istream& words) {
  int member = 0;
  words >> member;
  return state.shares[member];
}

using Command = std::function<std::string(State&, std::istream&)>;

template <class Function>
Command Code(Function function) {
  return [function](State& state, std::istream& words) {
    return std::to_string(function(state, words));
  };
}

const std::map<std::string, Command>& Commands() {
  static const std::map<std::string, Command> commands = {
      {"start", Code(Start)},
      {"pid", Code([](State&, std::istream&) {
         int32_t pid = 0;
         aclrtDeviceGetBareTgid(&pid);
         return pid;
       })},
      {"keys", [](State& state, std::istream&) { return Keys(state); }},
      {"allow", Code(Allow)},
      {"import", Code(Import)},
      {"forget", Code(Forget)},
      {"wait", Code([](State& state, std::istream& words) {
         return aclrtWaitAndResetNotify(NextShare(state, words).notify, state.stream, 0);
       })},
      {"record", Code([](State& state, std::istream& words) {
         return aclrtRecordNotify(NextShare(state, words).notify, state.stream);
       })},
      {"kick", Code([](State& state, std::istream& words) {
         return aclrtRecordNotify(NextShare(state, words).notify, state.side);
       })},
      {"capture", Code([](State& state, std::istream& words) {
         return aclrtRecordEvent(NextShare(state, words).event, state.stream);
       })},
      {"await", Code([](State& state, std::istream& words) {
         return aclrtStreamWaitEvent(state.stream, NextShare(state, words).event);
       })},
      {"affine", Code(Affine)},
      {"add", Code(Add)},
      {"write", Code(Write)},
      {"read", Read},
      {"sync", Code([](State& state, std::istream&) {
         constexpr int32_t kLongMs = 20'000;
         RETURN_IF_ERROR(aclrtSynchronizeStreamWithTimeout(state.side, kLongMs));
         return aclrtSynchronizeStreamWithTimeout(state.stream, kLongMs);
       })},
      {"settle", Code([](State& state, std::istream&) {
         return aclrtNotifyBatchReset(&state.shares[state.self].notify, 1);
       })},
  };
  return commands;
}

TEST(Member, DISABLED_Obeys) {
  const PeerLink parent = ToParent();
  ASSERT_EQ(aclInit(nullptr), ACL_SUCCESS);
  State state;
  for (std::string line = parent.Receive(); line != "end" && !line.empty();
       line = parent.Receive()) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    const auto found = Commands().find(name);
    parent.Send(found != Commands().end() ? found->second(state, words) : "unknown");
  }
  EXPECT_EQ(aclFinalize(), ACL_SUCCESS);
}

}  // namespace
}  // namespace vnpu::test
