#include "vdev/dma.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "vdev/reduce.h"

namespace vnpu::vdev {
namespace {

// A piece of client memory that is copied between two looks for a stop request: 2 ms or so.
constexpr uint64_t kPieceBytes = 16u << 20;

template <typename T>
const T* At(uint64_t address) {
  return reinterpret_cast<const T*>(address);
}
std::byte* Mutable(uint64_t address) { return reinterpret_cast<std::byte*>(address); }

CoreResult AddressFault(uint64_t address, bool is_write) {
  return {.status = VNPU_E_DMA_ADDRESS, .is_write = is_write, .address = address};
}

// The table said yes, but the mapping went away before the access: same fault as without.
CoreResult AsDmaFault(CoreResult result) {
  if (result.status == VNPU_E_ADDRESS || result.status == VNPU_E_ALIGNMENT) {
    result.status = VNPU_E_DMA_ADDRESS;
  }
  return result;
}

void CopyCode(const void* a, const void* /*b*/) {
  const auto& copy = *static_cast<const vnpu_sqe_copy*>(a);
  if (copy.size == sizeof(uint64_t) && (copy.dst | copy.src) % sizeof(uint64_t) == 0) {
    // At once: queues and kernels wait for words that are written this way.
    __atomic_store_n(reinterpret_cast<uint64_t*>(copy.dst),
                     __atomic_load_n(At<uint64_t>(copy.src), __ATOMIC_RELAXED), __ATOMIC_RELEASE);
    return;
  }
  std::memmove(Mutable(copy.dst), At<void>(copy.src), copy.size);
}

void FillCode(const void* a, const void* /*b*/) {
  const auto& fill = *static_cast<const vnpu_sqe_memset*>(a);
  if (fill.width == 1) {
    std::memset(Mutable(fill.dst), static_cast<int>(fill.value & 0xff), fill.size);
  } else if (fill.width == 2) {
    auto* words = reinterpret_cast<uint16_t*>(fill.dst);
    std::fill_n(words, fill.size / 2, static_cast<uint16_t>(fill.value));
  } else {
    auto* words = reinterpret_cast<uint32_t*>(fill.dst);
    std::fill_n(words, fill.size / 4, fill.value);
  }
}

void LoadCode(const void* a, const void* b) {
  auto& word = *static_cast<uint64_t*>(const_cast<void*>(b));
  word = __atomic_load_n(static_cast<const uint64_t*>(a), __ATOMIC_ACQUIRE);
}

void StoreCode(const void* a, const void* b) {
  __atomic_store_n(static_cast<uint64_t*>(const_cast<void*>(a)), *static_cast<const uint64_t*>(b),
                   __ATOMIC_RELEASE);
}

void ReduceCode(const void* a, const void* /*b*/) {
  ReduceElements(*static_cast<const vnpu_sqe_reduce*>(a));
}

constexpr uint32_t kByReference = VNPU_COPY_SRC_INDIRECT | VNPU_COPY_DST_INDIRECT | VNPU_COPY_DESC;

}  // namespace

CoreResult DmaChannel::RunMapped(CoreCode code, const void* task) {
  return AsDmaFault(core_->Run(code, task, nullptr));
}

CoreResult DmaChannel::Load(uint64_t address, void* out, uint64_t bytes) {
  uint64_t fault = 0;
  if (!mmu_->Check(address, bytes, kPteRead, &fault)) {
    return AddressFault(fault, false);
  }
  vnpu_sqe_copy copy{};
  copy.dst = reinterpret_cast<uint64_t>(out);
  copy.src = address;
  copy.size = bytes;
  return RunMapped(CopyCode, &copy);
}

CoreResult DmaChannel::Resolve(vnpu_sqe_copy* copy) {
  const uint32_t flags = copy->copy_flags;
  copy->copy_flags = 0;
  CoreResult result;
  if ((flags & VNPU_COPY_DESC) != 0) {
    vnpu_copy_desc desc{};
    result = Load(copy->src, &desc, sizeof(desc));
    copy->dst = desc.dst;
    copy->src = desc.src;
    copy->size = desc.size;
    return result;
  }
  if ((flags & VNPU_COPY_DST_INDIRECT) != 0) {
    result = Load(copy->dst, &copy->dst, sizeof(copy->dst));
    copy->dst += copy->dst_offset;
  }
  if (result.status == VNPU_OK && (flags & VNPU_COPY_SRC_INDIRECT) != 0) {
    result = Load(copy->src, &copy->src, sizeof(copy->src));
    copy->src += copy->src_offset;
  }
  return result;
}

CoreResult DmaChannel::CopyMapped(const vnpu_sqe_copy& copy) {
  uint64_t fault = 0;
  if (!mmu_->Check(copy.src, copy.size, kPteRead, &fault)) {
    return AddressFault(fault, false);
  }
  if (!mmu_->Check(copy.dst, copy.size, kPteWrite, &fault)) {
    return AddressFault(fault, true);
  }
  return RunMapped(CopyCode, &copy);
}

CoreResult DmaChannel::CopyFromClient(const vnpu_sqe_copy& copy) {
  uint64_t fault = 0;
  if (!mmu_->Check(copy.dst, copy.size, kPteWrite, &fault)) {
    return AddressFault(fault, true);
  }
  for (uint64_t done = 0; done < copy.size;) {
    if (const uint32_t status = core_->StopAsked(); status != VNPU_OK) {
      return {.status = status};
    }
    const uint64_t piece = std::min(copy.size - done, kPieceBytes);
    const iovec local{Mutable(copy.dst + done), piece};
    const iovec remote{Mutable(copy.src + done), piece};
    const ssize_t got = process_vm_readv(client_, &local, 1, &remote, 1, 0);
    if (got <= 0) {
      // Which end it was the system does not say: unless the mapping went away, the client's.
      return mmu_->Check(copy.dst + done, piece, kPteWrite, &fault)
                 ? CoreResult{.status = VNPU_E_DMA_HOST, .address = copy.src + done}
                 : AddressFault(fault, true);
    }
    done += static_cast<uint64_t>(got);
  }
  return {};
}

CoreResult DmaChannel::CopyToClient(const vnpu_sqe_copy& copy) {
  uint64_t fault = 0;
  if (!mmu_->Check(copy.src, copy.size, kPteRead, &fault)) {
    return AddressFault(fault, false);
  }
  for (uint64_t done = 0; done < copy.size;) {
    if (const uint32_t status = core_->StopAsked(); status != VNPU_OK) {
      return {.status = status};
    }
    const uint64_t piece = std::min(copy.size - done, kPieceBytes);
    const iovec local{Mutable(copy.src + done), piece};
    const iovec remote{Mutable(copy.dst + done), piece};
    const ssize_t put = process_vm_writev(client_, &local, 1, &remote, 1, 0);
    if (put <= 0) {
      return mmu_->Check(copy.src + done, piece, kPteRead, &fault)
                 ? CoreResult{.status = VNPU_E_DMA_HOST,
                              .is_write = true,
                              .address = copy.dst + done}
                 : AddressFault(fault, false);
    }
    done += static_cast<uint64_t>(put);
  }
  return {};
}

CoreResult DmaChannel::CopyClientToClient(const vnpu_sqe_copy& copy) {
  std::array<std::byte, 16384> bounce;
  for (uint64_t done = 0; done < copy.size;) {
    if (const uint32_t status = core_->StopAsked(); status != VNPU_OK) {
      return {.status = status};
    }
    const uint64_t piece = std::min<uint64_t>(copy.size - done, bounce.size());
    const iovec source{Mutable(copy.src + done), piece};
    const iovec from{bounce.data(), piece};
    const ssize_t got = process_vm_readv(client_, &from, 1, &source, 1, 0);
    if (got <= 0) {
      return {.status = VNPU_E_DMA_HOST, .address = copy.src + done};
    }
    const iovec to{bounce.data(), static_cast<size_t>(got)};
    const iovec target{Mutable(copy.dst + done), static_cast<size_t>(got)};
    if (process_vm_writev(client_, &to, 1, &target, 1, 0) != got) {
      return {.status = VNPU_E_DMA_HOST, .is_write = true, .address = copy.dst + done};
    }
    done += static_cast<uint64_t>(got);
  }
  return {};
}

CoreResult DmaChannel::Copy(const vnpu_sqe_copy& copy) {
  if ((copy.copy_flags & kByReference) != 0) [[unlikely]] {
    vnpu_sqe_copy plain = copy;
    const CoreResult result = Resolve(&plain);
    return result.status == VNPU_OK ? CopyMapped(plain) : result;
  }
  const bool from_client = (copy.copy_flags & VNPU_COPY_SRC_PAGEABLE) != 0;
  const bool to_client = (copy.copy_flags & VNPU_COPY_DST_PAGEABLE) != 0;
  if (from_client && to_client) {
    return CopyClientToClient(copy);
  }
  if (from_client) {
    return CopyFromClient(copy);
  }
  return to_client ? CopyToClient(copy) : CopyMapped(copy);
}

CoreResult DmaChannel::Fill(const vnpu_sqe_memset& fill) {
  uint64_t fault = 0;
  if (!mmu_->Check(fill.dst, fill.size, kPteWrite, &fault)) {
    return AddressFault(fault, true);
  }
  return RunMapped(FillCode, &fill);
}

CoreResult DmaChannel::Reduce(const vnpu_sqe_reduce& reduce) {
  uint64_t fault = 0;
  if (!mmu_->Check(reduce.src, reduce.size, kPteRead, &fault)) {
    return AddressFault(fault, false);
  }
  if (!mmu_->Check(reduce.dst, reduce.size, kPteRead | kPteWrite, &fault)) {
    return AddressFault(fault, true);
  }
  return RunMapped(ReduceCode, &reduce);
}

CoreResult DmaChannel::Run(const vnpu_sqe& sqe) {
  switch (sqe.opcode) {
    case VNPU_OP_COPY:
      return Copy(sqe.copy);
    case VNPU_OP_MEMSET:
      return Fill(sqe.memset);
    case VNPU_OP_REDUCE:
      return Reduce(sqe.reduce);
    default:
      return Random(sqe.random);
  }
}

CoreResult DmaChannel::Load(uint64_t va, uint64_t* word) {
  uint64_t fault = 0;
  if (!mmu_->Check(va, sizeof(*word), kPteRead, &fault)) {
    return AddressFault(fault, false);
  }
  return AsDmaFault(core_->Run(LoadCode, At<void>(va), word));
}

CoreResult DmaChannel::Store(uint64_t va, uint64_t word) {
  uint64_t fault = 0;
  if (!mmu_->Check(va, sizeof(word), kPteWrite, &fault)) {
    return AddressFault(fault, true);
  }
  return AsDmaFault(core_->Run(StoreCode, At<void>(va), &word));
}

}  // namespace vnpu::vdev
