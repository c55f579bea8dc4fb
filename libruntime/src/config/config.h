// The configuration file of aclInit (manual 02).
#ifndef VNPU_LIBRUNTIME_SRC_CONFIG_CONFIG_H_
#define VNPU_LIBRUNTIME_SRC_CONFIG_CONFIG_H_

#include "acl/acl_base.h"

namespace vnpu::runtime {

// Reads the file and applies what it says; what it does not mention is set to its default. Either
// all of it is applied or, on an error, nothing.
aclError LoadConfig(const char* path);

// As a file with nothing in it.
void ApplyDefaultConfig();

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_CONFIG_CONFIG_H_
