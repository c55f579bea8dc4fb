// Tests of memory pools.
#ifndef VNPU_TESTS_ACL_POOL_SUPPORT_H_
#define VNPU_TESTS_ACL_POOL_SUPPORT_H_

#include <cstddef>
#include <cstdint>

#include "acl/acl_rt_memory_soma.h"
#include "tests/acl/support.h"

namespace vnpu::test {

inline constexpr uint64_t kPoolMiB = uint64_t{1} << 20;

inline aclrtMemPoolProps Properties(size_t max_size) {
  aclrtMemPoolProps properties{};
  properties.allocType = ACL_MEM_ALLOCATION_TYPE_PINNED;
  properties.handleType = ACL_MEM_HANDLE_TYPE_NONE;
  properties.location = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_DEVICE};
  properties.maxSize = max_size;
  return properties;
}

// A fixture with a pool.
template <class Base>
class WithPool : public Base {
 protected:
  static aclrtMemPool Create(size_t max_size) {
    aclrtMemPool pool = nullptr;
    const aclrtMemPoolProps properties = Properties(max_size);
    EXPECT_OK(aclrtMemPoolCreate(&pool, &properties));
    return pool;
  }
  static void* Malloc(aclrtMemPool pool, size_t size, aclrtStream stream) {
    void* memory = nullptr;
    EXPECT_OK(aclrtMemPoolMallocAsync(&memory, size, pool, stream));
    return memory;
  }
  uint64_t Get(aclrtMemPoolAttr attr) {
    uint64_t value = 0;
    EXPECT_OK(aclrtMemPoolGetAttr(pool_, attr, &value));
    return value;
  }
  uint64_t Used() { return Get(ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT); }
  uint64_t Reserved() { return Get(ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT); }

  aclrtMemPool pool_ = nullptr;
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_POOL_SUPPORT_H_
