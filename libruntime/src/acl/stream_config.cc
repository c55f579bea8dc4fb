// Configuration objects and attributes of streams.
#include <cstring>
#include <new>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/queue/queue_pool.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError CheckSize(size_t size, size_t wanted) {
  return size == wanted ? ACL_SUCCESS
                        : Fail(ACL_ERROR_RT_PARAM_INVALID,
                               "the value has {} bytes; this setting takes {}", size, wanted);
}

template <class T>
aclError StoreOption(const void* value, size_t size, T* setting) {
  VNPU_RETURN_IF_ERROR(CheckSize(size, sizeof(T)));
  std::memcpy(setting, value, sizeof(T));
  return ACL_SUCCESS;
}

aclError SetOption(aclrtStreamConfigHandle* handle, aclrtStreamConfigAttr attr, const void* value,
                   size_t size) {
  switch (attr) {
    case ACL_RT_STREAM_WORK_ADDR_PTR:
      return StoreOption(value, size, &handle->workptr);
    case ACL_RT_STREAM_WORK_SIZE:
      return StoreOption(value, size, &handle->workSize);
    case ACL_RT_STREAM_FLAG:
      // The manual's programs pass 32 bits as well as the whole member.
      if (size == sizeof(uint32_t)) {
        uint32_t flag = 0;
        std::memcpy(&flag, value, sizeof(flag));
        handle->flag = flag;
        return ACL_SUCCESS;
      }
      return StoreOption(value, size, &handle->flag);
    case ACL_RT_STREAM_PRIORITY: {
      uint32_t priority = 0;
      VNPU_RETURN_IF_ERROR(StoreOption(value, size, &priority));
      if (priority >= VNPU_PRIORITIES) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "priority is {}; it takes 0 (highest) to {}",
                    priority, VNPU_PRIORITIES - 1);
      }
      handle->priority = priority;
      return ACL_SUCCESS;
    }
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown setting {}", static_cast<int>(attr));
  }
}

aclError SetOverflowSwitch(rt::Stream* stream, uint32_t value) {
  if (value > 1) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the switch is {}; it takes 0 (off) or 1 (on)", value);
  }
  if ((stream->session->features() & VNPU_FEATURE_OVERFLOW) == 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "the driver is too old for overflow detection");
  }
  stream->overflow_check.store(value == 1);
  return ACL_SUCCESS;
}

aclError SetPriority(rt::Stream* stream, uint32_t priority) {
  if (stream == stream->context->default_stream) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the default stream keeps the highest priority");
  }
  if (priority >= VNPU_PRIORITIES) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "priority is {}; it takes 0 (highest) to {}", priority,
                VNPU_PRIORITIES - 1);
  }
  VNPU_RETURN_IF_ERROR(stream->session->queues().SetPriority(*stream->queue, priority));
  stream->priority.store(priority);
  return ACL_SUCCESS;
}

aclError FailAttribute(const char* what) {
  return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "{}", what);
}

aclError SetAttribute(rt::Stream* stream, aclrtStreamAttr attribute,
                      const aclrtStreamAttrValue& value) {
  switch (attribute) {
    case ACL_STREAM_ATTR_FAILURE_MODE:
      if (stream == stream->context->default_stream) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "the default stream takes no failure mode");
      }
      return aclrtSetStreamFailureMode(stream, value.failureMode);
    case ACL_STREAM_ATTR_FLOAT_OVERFLOW_CHECK:
      return SetOverflowSwitch(stream, value.overflowSwitch);
    case ACL_STREAM_ATTR_USER_CUSTOM_TAG:
      return FailAttribute("overflow is detected for the process, not for groups of streams");
    case ACL_STREAM_ATTR_CACHE_OP_INFO:
      return FailAttribute("there is no profiler that would ask for operator information");
    case ACL_STREAM_ATTR_PRIORITY:
      return SetPriority(stream, value.streamPriority);
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown attribute {}", static_cast<int>(attribute));
  }
}

aclError GetAttribute(const rt::Stream& stream, aclrtStreamAttr attribute,
                      aclrtStreamAttrValue* value) {
  std::memset(value, 0, sizeof(*value));
  switch (attribute) {
    case ACL_STREAM_ATTR_FAILURE_MODE:
      value->failureMode =
          stream.stops_on_failure() ? ACL_STOP_ON_FAILURE : ACL_CONTINUE_ON_FAILURE;
      return ACL_SUCCESS;
    case ACL_STREAM_ATTR_FLOAT_OVERFLOW_CHECK:
      value->overflowSwitch = stream.overflow_check.load() ? 1 : 0;
      return ACL_SUCCESS;
    case ACL_STREAM_ATTR_USER_CUSTOM_TAG:
    case ACL_STREAM_ATTR_CACHE_OP_INFO:
      return ACL_SUCCESS;  // off, as nothing sets them
    case ACL_STREAM_ATTR_PRIORITY:
      value->streamPriority = stream.priority.load();
      return ACL_SUCCESS;
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown attribute {}", static_cast<int>(attribute));
  }
}

}  // namespace

aclrtStreamConfigHandle* aclrtCreateStreamConfigHandle() {
  return new (std::nothrow) aclrtStreamConfigHandle{};
}

aclError aclrtDestroyStreamConfigHandle(aclrtStreamConfigHandle* handle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    delete handle;
    return ACL_SUCCESS;
  });
}

aclError aclrtSetStreamConfigOpt(aclrtStreamConfigHandle* handle, aclrtStreamConfigAttr attr,
                                 const void* attrValue, size_t valueSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    VNPU_REQUIRE_NOT_NULL(attrValue);
    return SetOption(handle, attr, attrValue, valueSize);
  });
}

aclError aclrtCreateStreamV2(aclrtStream* stream, const aclrtStreamConfigHandle* handle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    // The working memory is for models, which take the stream's where they have none of their own.
    return aclrtCreateStreamWithConfig(stream, handle->priority,
                                       static_cast<uint32_t>(handle->flag));
  });
}

aclError aclrtSetStreamAttribute(aclrtStream stream, aclrtStreamAttr stmAttrType,
                                 aclrtStreamAttrValue* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return SetAttribute(found, stmAttrType, *value);
  });
}

aclError aclrtGetStreamAttribute(aclrtStream stream, aclrtStreamAttr stmAttrType,
                                 aclrtStreamAttrValue* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return GetAttribute(*found, stmAttrType, value);
  });
}

aclError aclrtSetStreamOverflowSwitch(aclrtStream stream, uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return SetOverflowSwitch(found, flag);
  });
}

aclError aclrtGetStreamOverflowSwitch(aclrtStream stream, uint32_t* flag) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(flag);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    *flag = found->overflow_check.load() ? 1 : 0;
    return ACL_SUCCESS;
  });
}
