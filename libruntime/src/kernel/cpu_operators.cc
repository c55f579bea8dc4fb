#include "libruntime/src/kernel/cpu_operators.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "libruntime/src/base/error.h"

namespace vnpu::runtime {
namespace {

// A member that is a string, or "".
std::string Text(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

aclError ReadCpuOperators(const std::string& path, CpuOperators* operators) {
  std::ifstream file(path);
  if (!file) {
    return Fail(ACL_ERROR_RT_FILE_OPEN, "cannot open the description {}: {}", path,
                std::strerror(errno));
  }
  const nlohmann::json all = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!all.is_object() || all.empty()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not a description of AI CPU operators", path);
  }
  std::string kernel_so;
  for (const auto& [name, entry] : all.items()) {
    if (!entry.is_object() || !entry.contains("opInfo") || !entry["opInfo"].is_object()) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "{}: operator '{}' has no opInfo", path, name);
    }
    const std::string function = Text(entry["opInfo"], "functionName");
    operators->kernels[name] = function.empty() ? name : function;
    const std::string library = Text(entry["opInfo"], "kernelSo");
    if (!kernel_so.empty() && !library.empty() && library != kernel_so) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} names two libraries, {} and {}; one is possible",
                  path, kernel_so, library);
    }
    kernel_so = library.empty() ? kernel_so : library;
  }
  const std::filesystem::path description(path);
  std::filesystem::path library = std::filesystem::path(description).replace_extension(".so");
  std::error_code ignored;
  if (!std::filesystem::exists(library, ignored) && !kernel_so.empty()) {
    // The name alone: a description does not lead to other folders.
    library = description.parent_path() / std::filesystem::path(kernel_so).filename();
  }
  operators->library = library.string();
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
