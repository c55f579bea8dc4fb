#include "libruntime/src/base/error.h"

#include <vnpu/abi.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>

#include "libruntime/api/unsupported.h"
#include "libruntime/src/base/log.h"

namespace vnpu::runtime {

namespace internal {
thread_local constinit const char* current_function = "acl";
}  // namespace internal

namespace {

constexpr size_t kMaxMessages = 16;

struct Messages {
  std::deque<std::string> kept;
  std::string returned;

  void Keep(std::string message) {
    if (kept.size() == kMaxMessages) {
      kept.pop_back();
    }
    kept.push_front(std::move(message));
  }
  const char* Take() {
    if (kept.empty()) {
      return nullptr;
    }
    returned.clear();
    for (const std::string& message : kept) {
      returned += message;
      returned += '\n';
    }
    returned.pop_back();
    kept.clear();
    return returned.c_str();
  }
};

struct ProcessMessages {
  std::mutex mutex;
  Messages messages;
};

thread_local constinit aclError last_error = ACL_SUCCESS;
thread_local constinit bool quiet = false;
std::atomic<bool> per_process{false};

Messages& ThreadMessages() {
  thread_local Messages messages;
  return messages;
}

ProcessMessages& GetProcessMessages() {
  static auto* const messages = new ProcessMessages;
  return *messages;
}

}  // namespace

QuietErrors::QuietErrors() : before_(std::exchange(quiet, true)) {}

QuietErrors::~QuietErrors() { quiet = before_; }

bool QuietErrors::Active() { return quiet; }

namespace {

aclError FailAt(spdlog::level::level_enum level, aclError code, const std::string& message) {
  if (quiet) {
    return code;
  }
  last_error = code;
  std::string line = fmt::format("{}: {} [{}]", internal::current_function, message, code);
  Log().log(level, "{}", line);
  if (per_process.load(std::memory_order_relaxed)) {
    ProcessMessages& process = GetProcessMessages();
    const std::lock_guard lock(process.mutex);
    process.messages.Keep(std::move(line));
  } else {
    ThreadMessages().Keep(std::move(line));
  }
  return code;
}

}  // namespace

aclError FailWith(aclError code, const std::string& message) {
  return FailAt(spdlog::level::err, code, message);
}

aclError FailAsExpected(aclError code, const std::string& message) {
  return FailAt(spdlog::level::info, code, message);
}

aclError FailErrno(int error, std::string what) {
  return Fail(ErrnoToAcl(error), "{}: {}", what, std::strerror(error));
}

aclError ErrnoToAcl(int error) {
  switch (error) {
    case EINVAL:
    case EFAULT:
    case EEXIST:
      return ACL_ERROR_RT_PARAM_INVALID;
    case ENOENT:
    case EBADF:
      return ACL_ERROR_RT_INVALID_HANDLE;
    case ENOMEM:
      return ACL_ERROR_RT_MEMORY_ALLOCATION;
    case ENOSPC:
    case EMFILE:
    case ENFILE:
    case EBUSY:
      return ACL_ERROR_RT_RESOURCE_ALLOC_FAIL;
    case EPERM:
    case EACCES:
      return ACL_ERROR_RT_NO_PERMISSION;
    case ENODEV:
    case ENXIO:
      return ACL_ERROR_RT_NO_DEVICE;
    case EIO:
      return ACL_ERROR_RT_LOST_HEARTBEAT;
    case ENOTCONN:
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ECONNREFUSED:
    case ETIMEDOUT:
      return ACL_ERROR_RT_SOCKET_CLOSE;
    case ENOEXEC:
      return ACL_ERROR_RT_INVALID_HANDLE;
    default:
      return ACL_ERROR_RT_DRV_INTERNAL_ERROR;
  }
}

namespace {

// The same failure has a code for each kind of core.
aclError ByUnit(uint32_t unit, aclError ai_core, aclError vector_core, aclError ai_cpu) {
  switch (unit) {
    case VNPU_UNIT_VECTOR_CORE:
      return vector_core;
    case VNPU_UNIT_AI_CPU:
      return ai_cpu;
    default:
      return ai_core;
  }
}

}  // namespace

aclError StatusToAcl(uint32_t status, uint32_t unit) {
  switch (status) {
    case VNPU_OK:
      return ACL_SUCCESS;
    case VNPU_E_ADDRESS:
    case VNPU_E_ILLEGAL:
    case VNPU_E_DIVIDE:
    case VNPU_E_ALIGNMENT:
    case VNPU_E_SYSCALL:
    case VNPU_E_INJECTED:
    case VNPU_E_STACK:
      return ByUnit(unit, ACL_ERROR_RT_AICORE_EXCEPTION, ACL_ERROR_RT_VECTOR_CORE_EXCEPTION,
                    ACL_ERROR_RT_AICPU_EXCEPTION);
    case VNPU_E_TRAP:
      return ByUnit(unit, ACL_ERROR_RT_AICORE_TRAP_EXCEPTION,
                    ACL_ERROR_RT_VECTOR_CORE_TRAP_EXCEPTION, ACL_ERROR_RT_AICPU_EXCEPTION);
    case VNPU_E_TIMEOUT:
      return ByUnit(unit, ACL_ERROR_RT_AICORE_TIMEOUT, ACL_ERROR_RT_VECTOR_CORE_TIMEOUT,
                    ACL_ERROR_RT_AICPU_TIMEOUT);
    case VNPU_E_DMA_ADDRESS:
    case VNPU_E_DMA_HOST:
      return ACL_ERROR_RT_SYS_DMA;
    case VNPU_E_ABORTED:
      return ACL_ERROR_RT_STREAM_ABORT;
    case VNPU_E_WAIT_TIMEOUT:
      return ACL_ERROR_RT_WAIT_TIMEOUT;
    case VNPU_E_DEVICE_LOST:
      return ACL_ERROR_RT_LOST_HEARTBEAT;
    case VNPU_E_STUCK:
      return ACL_ERROR_RT_MODEL_EXECUTE;
    default:
      return ACL_ERROR_RT_TS_ERROR;
  }
}

const char* StatusText(uint32_t status) {
  switch (status) {
    case VNPU_OK:
      return "success";
    case VNPU_E_INVALID_SQE:
      return "the device refused the task entry";
    case VNPU_E_ADDRESS:
      return "access to an unmapped or protected address";
    case VNPU_E_ILLEGAL:
      return "illegal instruction";
    case VNPU_E_STACK:
      return "its stack is full; aclInit's StackSize gives more";
    case VNPU_E_STUCK:
      return "every stream of the model waits for another one";
    case VNPU_E_TRAP:
      return "trap";
    case VNPU_E_DIVIDE:
      return "integer division by zero or overflow";
    case VNPU_E_ALIGNMENT:
      return "misaligned access";
    case VNPU_E_SYSCALL:
      return "a system call that device code may not make";
    case VNPU_E_TIMEOUT:
      return "ran longer than its time limit";
    case VNPU_E_DMA_ADDRESS:
      return "device or pinned address not mapped for this access";
    case VNPU_E_DMA_HOST:
      return "host address not accessible";
    case VNPU_E_ABORTED:
      return "dropped because the stream was stopped";
    case VNPU_E_WAIT_TIMEOUT:
      return "waited longer than its time limit";
    case VNPU_E_DEVICE_LOST:
      return "the device process is gone";
    case VNPU_E_INJECTED:
      return "injected fault";
    default:
      return "unknown status";
  }
}

const char* UnitName(uint32_t unit) {
  switch (unit) {
    case VNPU_UNIT_AI_CORE:
      return "AI core";
    case VNPU_UNIT_VECTOR_CORE:
      return "vector core";
    case VNPU_UNIT_MIX:
      return "mixed core";
    case VNPU_UNIT_AI_CPU:
      return "AI CPU";
    case VNPU_UNIT_DMA:
      return "DMA engine";
    default:
      return "unit";
  }
}

void MakeThreadMessages() { ThreadMessages(); }

aclError PeekLastError() { return last_error; }

aclError TakeLastError() { return std::exchange(last_error, ACL_SUCCESS); }

const char* TakeErrorMessages() {
  if (!per_process.load(std::memory_order_relaxed)) {
    return ThreadMessages().Take();
  }
  ProcessMessages& process = GetProcessMessages();
  const std::lock_guard lock(process.mutex);
  return process.messages.Take();
}

void SetErrorMessagesPerProcess(bool value) { per_process.store(value, std::memory_order_relaxed); }

void ReportUnsupported(const char* function) {
  try {
    SetCurrentFunction(function);
    FailWith(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "vnpu does not support this function");
  } catch (...) {  // out of memory for the text: the code alone has to do
    last_error = ACL_ERROR_RT_FEATURE_NOT_SUPPORT;
  }
}

}  // namespace vnpu::runtime
