#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/api/elf_exports.h"

namespace vnpu::tests {
namespace {

constexpr size_t kInterfaceFunctions = 511;

// The functions of the acl tables.
std::set<std::string> AclFunctions() {
  std::ifstream table(VNPU_ACL_FUNCTIONS);
  std::string line;
  std::getline(table, line);  // the heading
  std::set<std::string> names;
  while (std::getline(table, line)) {
    std::istringstream row(line);
    std::string header;
    std::string returns;
    std::string name;
    std::getline(row, header, '\t');
    std::getline(row, returns, '\t');
    std::getline(row, name, '\t');
    names.insert(name);
  }
  return names;
}

// And those that the headers in vnpu/ declare.
std::set<std::string> ListedFunctions() {
  std::set<std::string> names = AclFunctions();
  static const std::regex kName(R"(\b(vnpu[A-Z]\w*)\()");
  for (const auto& entry : std::filesystem::directory_iterator(VNPU_EXTENSION_HEADERS)) {
    std::ifstream header(entry.path());
    const std::string text{std::istreambuf_iterator<char>(header), {}};
    for (std::sregex_iterator it(text.begin(), text.end(), kName); it != std::sregex_iterator();
         ++it) {
      names.insert((*it)[1]);
    }
  }
  return names;
}

struct CloseLibrary {
  void operator()(void* handle) const { dlclose(handle); }
};

// What a program that was linked with the library of this name can call.
class LibraryTest : public testing::TestWithParam<const char*> {};

TEST_P(LibraryTest, ResolvesEveryListedFunction) {
  ASSERT_EQ(AclFunctions().size(), kInterfaceFunctions);
  const std::set<std::string> listed = ListedFunctions();
  const std::unique_ptr<void, CloseLibrary> library(dlopen(GetParam(), RTLD_NOW | RTLD_LOCAL));
  ASSERT_NE(library, nullptr) << dlerror();
  for (const std::string& name : listed) {
    EXPECT_NE(dlsym(library.get(), name.c_str()), nullptr) << name;
  }
}

TEST_P(LibraryTest, ExportsNothingThatIsNotListed) {
  const std::set<std::string> listed = ListedFunctions();
  for (const std::string& name : ReadElfExports(GetParam())) {
    EXPECT_TRUE(listed.contains(name)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Acl, LibraryTest, testing::Values(VNPU_ACL_LIBRARY, VNPU_ACL_OLD_LIBRARY),
                         [](const testing::TestParamInfo<const char*>& library) {
                           return library.index == 0 ? "libacl_rt" : "libascendcl";
                         });

TEST(ExportsTest, TheLibraryItselfDefinesAllListedFunctions) {
  EXPECT_EQ(ReadElfExports(VNPU_ACL_LIBRARY), ListedFunctions());
}

}  // namespace
}  // namespace vnpu::tests
