// Parameters of random-number tasks.
#ifndef VNPU_TESTS_ACL_RANDOM_VALUE_H_
#define VNPU_TESTS_ACL_RANDOM_VALUE_H_

#include <cstring>

#include "acl/acl.h"

namespace vnpu::test {

template <class T>
aclrtRandomParaInfo RandomValue(T value) {
  aclrtRandomParaInfo info{};
  std::memcpy(info.valueOrAddr, &value, sizeof(value));
  info.size = sizeof(value);
  return info;
}

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_RANDOM_VALUE_H_
