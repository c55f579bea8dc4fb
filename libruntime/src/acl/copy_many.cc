// Copies of matrices and batches of copies, cache operations, writes of values (manual 11-03,
// 11-06, 11-09).
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/memory/copy_entry.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

constexpr size_t kMaxWidth = 5'000'000;  // of aclrtMemcpy2dAsync
constexpr size_t kMaxHeight = size_t{5} << 20;

// A matrix to copy, as the acl functions describe it.
struct Matrix {
  rt::CopyRequest row;  // the first
  rt::Rows rows;
};

aclError CheckMatrix(const Matrix& matrix) {
  if (matrix.row.dst == nullptr || matrix.row.src == nullptr) {
    return Fail(ACL_ERROR_INVALID_PARAM, "an end of the copy is null");
  }
  if (matrix.row.size == 0 || matrix.rows.count == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "width or height is 0; copy at least 1 byte");
  }
  if (matrix.row.size > matrix.rows.dst_pitch || matrix.row.size > matrix.rows.src_pitch) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "width {} is more than a pitch ({} and {})",
                matrix.row.size, matrix.rows.dst_pitch, matrix.rows.src_pitch);
  }
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(matrix.rows.count,
                             std::max(matrix.rows.dst_pitch, matrix.rows.src_pitch), &bytes)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} rows at this pitch are beyond all addresses",
                matrix.rows.count);
  }
  return ACL_SUCCESS;
}

aclError CopyMatrix(const Matrix& matrix) {
  VNPU_RETURN_IF_ERROR(CheckMatrix(matrix));
  if (matrix.row.kind != ACL_MEMCPY_HOST_TO_DEVICE &&
      matrix.row.kind != ACL_MEMCPY_DEVICE_TO_HOST) {
    return Fail(ACL_ERROR_INVALID_PARAM, "kind {}: only copies between host and device",
                static_cast<int>(matrix.row.kind));
  }
  return rt::CopyRowsNow(matrix.row, matrix.rows);
}

aclError CopyMatrixAsync(const Matrix& matrix, void* stream) {
  VNPU_RETURN_IF_ERROR(CheckMatrix(matrix));
  if (matrix.row.kind != ACL_MEMCPY_HOST_TO_DEVICE &&
      matrix.row.kind != ACL_MEMCPY_DEVICE_TO_HOST &&
      matrix.row.kind != ACL_MEMCPY_DEVICE_TO_DEVICE) {
    return Fail(ACL_ERROR_INVALID_PARAM, "kind {} is not for copies of matrices",
                static_cast<int>(matrix.row.kind));
  }
  if (matrix.row.size > kMaxWidth || matrix.rows.count > kMaxHeight) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} rows of {} bytes: at most {} of {}",
                matrix.rows.count, matrix.row.size, kMaxHeight, kMaxWidth);
  }
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  return rt::CopyRowsInStream(matrix.row, matrix.rows, found);
}

// A batch of copies, as the acl functions describe it.
struct Batch {
  void** dsts = nullptr;
  const size_t* rooms = nullptr;
  void** srcs = nullptr;
  const size_t* sizes = nullptr;
  size_t count = 0;
  const aclrtMemcpyBatchAttr* attrs = nullptr;
  const size_t* firsts = nullptr;  // of the copies that an attribute is for
  size_t attr_count = 0;

  rt::CopyRequest At(size_t i, aclrtMemcpyKind kind) const {
    return {.dst = dsts[i], .src = srcs[i], .size = sizes[i], .kind = kind};
  }
};

aclError CheckBatchArrays(const Batch& batch) {
  if (batch.dsts == nullptr || batch.rooms == nullptr || batch.srcs == nullptr ||
      batch.sizes == nullptr || batch.attrs == nullptr || batch.firsts == nullptr) {
    return Fail(ACL_ERROR_INVALID_PARAM, "an array of the batch is null");
  }
  if (batch.count == 0 || batch.attr_count == 0 || batch.attr_count > batch.count) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} attributes for {} copies; at least 1 of both, and no more attributes than "
                "copies",
                batch.attr_count, batch.count);
  }
  for (size_t i = 0; i < batch.attr_count; ++i) {
    const bool rises = i == 0 ? batch.firsts[0] == 0 : batch.firsts[i] > batch.firsts[i - 1];
    if (!rises || batch.firsts[i] >= batch.count) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "attribute {} begins with copy {}: the first begins with 0, each later one after "
                  "the one before it, all below {}",
                  i, batch.firsts[i], batch.count);
    }
  }
  return ACL_SUCCESS;
}

// Whether the memory is where the attribute says.
bool LiesAt(const void* pointer, const aclrtMemLocation& location) {
  const rt::End end = rt::FindEnd(pointer);
  if (end.place == rt::Place::kManaged) {  // on both sides
    return location.type != ACL_MEM_LOCATION_TYPE_UNREGISTERED;
  }
  const bool on_device = end.place == rt::Place::kDevice;
  if (location.type == ACL_MEM_LOCATION_TYPE_DEVICE) {
    return on_device && end.session->index() == location.id;
  }
  return !on_device && (location.type == ACL_MEM_LOCATION_TYPE_HOST ||
                        location.type == ACL_MEM_LOCATION_TYPE_UNREGISTERED);
}

aclError CheckBatch(const Batch& batch, size_t* fail_index, aclrtMemcpyKind* kind) {
  *fail_index = SIZE_MAX;
  VNPU_RETURN_IF_ERROR(CheckBatchArrays(batch));
  *kind = batch.attrs[0].dstLoc.type == ACL_MEM_LOCATION_TYPE_DEVICE ? ACL_MEMCPY_HOST_TO_DEVICE
                                                                     : ACL_MEMCPY_DEVICE_TO_HOST;
  for (size_t i = 0, attr = 0; i < batch.count; ++i) {
    if (attr + 1 < batch.attr_count && batch.firsts[attr + 1] == i) {
      ++attr;
    }
    if (batch.dsts[i] == nullptr || batch.srcs[i] == nullptr || batch.sizes[i] == 0 ||
        batch.sizes[i] > batch.rooms[i]) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "copy {}: {} bytes to {} from {}, with room for {}",
                  i, batch.sizes[i], batch.dsts[i], batch.srcs[i], batch.rooms[i]);
    }
    const aclrtMemcpyBatchAttr& where = batch.attrs[attr];
    const bool to_device = where.dstLoc.type == ACL_MEM_LOCATION_TYPE_DEVICE;
    const bool from_device = where.srcLoc.type == ACL_MEM_LOCATION_TYPE_DEVICE;
    if (to_device == from_device || to_device != (*kind == ACL_MEMCPY_HOST_TO_DEVICE)) {
      *fail_index = i;
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "copy {}: all copies of a batch go from host to device, or all back", i);
    }
    if (!LiesAt(batch.dsts[i], where.dstLoc) || !LiesAt(batch.srcs[i], where.srcLoc)) {
      *fail_index = i;
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "copy {}: an end does not lie where its attribute says", i);
    }
  }
  return ACL_SUCCESS;
}

aclError CopyBatch(const Batch& batch, size_t* fail_index) {
  aclrtMemcpyKind kind = ACL_MEMCPY_DEFAULT;
  VNPU_RETURN_IF_ERROR(CheckBatch(batch, fail_index, &kind));
  for (size_t i = 0; i < batch.count; ++i) {
    VNPU_RETURN_IF_ERROR(rt::CopyNow(batch.At(i, kind)));
  }
  return ACL_SUCCESS;
}

aclError CopyBatchAsync(const Batch& batch, size_t* fail_index, void* stream) {
  aclrtMemcpyKind kind = ACL_MEMCPY_DEFAULT;
  VNPU_RETURN_IF_ERROR(CheckBatch(batch, fail_index, &kind));
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  for (size_t i = 0; i < batch.count; ++i) {
    VNPU_RETURN_IF_ERROR(rt::CopyInStream(batch.At(i, kind), found));
  }
  return ACL_SUCCESS;
}

// Memory of the stream's device.
aclError CheckDeviceMemory(const void* pointer, const rt::Stream& stream) {
  const rt::End end = rt::FindEnd(pointer);
  if (end.place != rt::Place::kDevice || end.session->serial() != stream.session_serial) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not memory of the stream's device", pointer);
  }
  return ACL_SUCCESS;
}

}  // namespace

aclError aclrtMemcpy2d(void* dst, size_t dpitch, const void* src, size_t spitch, size_t width,
                       size_t height, aclrtMemcpyKind kind) {
  return Guard(__func__, [&] {
    return CopyMatrix({.row = {.dst = dst, .src = src, .size = width, .kind = kind},
                       .rows = {.count = height, .dst_pitch = dpitch, .src_pitch = spitch}});
  });
}

aclError aclrtMemcpy2dAsync(void* dst, size_t dpitch, const void* src, size_t spitch, size_t width,
                            size_t height, aclrtMemcpyKind kind, aclrtStream stream) {
  return Guard(__func__, [&] {
    return CopyMatrixAsync({.row = {.dst = dst, .src = src, .size = width, .kind = kind},
                            .rows = {.count = height, .dst_pitch = dpitch, .src_pitch = spitch}},
                           stream);
  });
}

aclError aclrtMemcpyBatch(void** dsts, size_t* destMaxs, void** srcs, size_t* sizes,
                          size_t numBatches, aclrtMemcpyBatchAttr* attrs, size_t* attrsIndexes,
                          size_t numAttrs, size_t* failIndex) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(failIndex);
    return CopyBatch({dsts, destMaxs, srcs, sizes, numBatches, attrs, attrsIndexes, numAttrs},
                     failIndex);
  });
}

aclError aclrtMemcpyBatchV2(void** dsts, size_t* destMaxs, void** srcs, size_t* sizes,
                            size_t numBatches, aclrtMemcpyBatchAttr* attrs, size_t* attrsIndexes,
                            size_t numAttrs) {
  return Guard(__func__, [&] {
    size_t ignored = 0;
    return CopyBatch({dsts, destMaxs, srcs, sizes, numBatches, attrs, attrsIndexes, numAttrs},
                     &ignored);
  });
}

aclError aclrtMemcpyBatchAsync(void** dsts, size_t* destMaxs, void** srcs, size_t* sizes,
                               size_t numBatches, aclrtMemcpyBatchAttr* attrs, size_t* attrsIndexes,
                               size_t numAttrs, size_t* failIndex, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(failIndex);
    return CopyBatchAsync({dsts, destMaxs, srcs, sizes, numBatches, attrs, attrsIndexes, numAttrs},
                          failIndex, stream);
  });
}

aclError aclrtMemcpyBatchAsyncV2(void** dsts, size_t* destMaxs, void** srcs, size_t* sizes,
                                 size_t numBatches, aclrtMemcpyBatchAttr* attrs,
                                 size_t* attrsIndexes, size_t numAttrs, aclrtStream stream) {
  return Guard(__func__, [&] {
    size_t ignored = 0;
    return CopyBatchAsync({dsts, destMaxs, srcs, sizes, numBatches, attrs, attrsIndexes, numAttrs},
                          &ignored, stream);
  });
}

aclError aclrtValueWrite(void* devAddr, uint64_t value, uint32_t flag, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(devAddr);
    const auto address = reinterpret_cast<uint64_t>(devAddr);
    if (flag != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {}; it must be 0", flag);
    }
    if (address % sizeof(value) != 0) {
      return Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{} is not aligned to 8 bytes", devAddr);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::CheckReachable(devAddr, *found));
    if (found->has(rt::kDiverted) || found->has(rt::kUpdating)) {
      return rt::Submit(found, 0, 0, [&](rt::Slot& slot) {
        slot.kind = rt::NodeKind::kValueWrite;
        slot.sqe->opcode = VNPU_OP_MODEL_STORE;
        slot.sqe->store.va = address;
        slot.sqe->store.value = value;
      });
    }
    // A copy out of the queue's data ring: 8 aligned bytes.
    constexpr uint32_t kDataBytes = 64;
    return rt::Submit(found, 0, kDataBytes, [&](rt::Slot& slot) {
      std::memcpy(slot.data, &value, sizeof(value));
      rt::WriteCopy(address, reinterpret_cast<uint64_t>(slot.data), sizeof(value), 0, slot.sqe);
    });
  });
}

aclError aclrtCmoAsync(void* src, size_t size, aclrtCmoType cmoType, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(src);
    if (cmoType != ACL_RT_CMO_TYPE_PREFETCH) {
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "operation {}: only prefetching is supported",
                  static_cast<int>(cmoType));
    }
    if (size == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0");
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(CheckDeviceMemory(src, *found));
    // The virtual device has the host's coherent caches: a place in the stream's order is all.
    return rt::SubmitNothing(found);
  });
}
