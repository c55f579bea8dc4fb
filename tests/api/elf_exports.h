#ifndef VNPU_TESTS_API_ELF_EXPORTS_H_
#define VNPU_TESTS_API_ELF_EXPORTS_H_

#include <set>
#include <string>

namespace vnpu::tests {

// Names of the symbols that the ELF64 file at `path` defines and exports.
// Throws std::runtime_error if the file cannot be read or is no such file.
std::set<std::string> ReadElfExports(const std::string& path);

}  // namespace vnpu::tests

#endif  // VNPU_TESTS_API_ELF_EXPORTS_H_
