// Images that lie about themselves.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "tests/loader/image_editor.h"
#include "tests/loader/loaded_image.h"

namespace vnpu::firmware {
namespace {

using testing::ImageEditor;

struct Lie {
  const char* name;
  std::function<void(ImageEditor*)> tell;
  const char* answer;  // part of the loader's error
};

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max() - 100;

std::string LieName(const ::testing::TestParamInfo<Lie>& info) { return info.param.name; }

class Hostile : public ::testing::TestWithParam<Lie> {};

TEST_P(Hostile, IsRefused) {
  ImageEditor editor;
  ASSERT_EQ(editor.Verdict(), "");
  GetParam().tell(&editor);
  EXPECT_NE(editor.Verdict().find(GetParam().answer), std::string::npos) << editor.Verdict();
}

// The program headers that nothing needs give room for others.
void AddHeader(ImageEditor* editor, std::uint32_t type) {
  editor->program_header(PT_GNU_STACK).p_type = type;
}

const Lie kHeaderLies[] = {
    {"HeadersPastTheEnd", [](ImageEditor* e) { e->header().e_phoff = e->bytes.size() - 8; },
     "program headers"},
    {"HeadersWrapAround", [](ImageEditor* e) { e->header().e_phoff = kHuge; }, "program headers"},
    {"TooManyHeaders", [](ImageEditor* e) { e->header().e_phnum = 0xffff; }, "program headers"},
    {"NoHeaders", [](ImageEditor* e) { e->header().e_phnum = 0; }, "program headers"},
    {"OddHeaderSize", [](ImageEditor* e) { e->header().e_phentsize = 1; }, "program headers"},
    {"ThreadLocal", [](ImageEditor* e) { AddHeader(e, PT_TLS); }, "thread-local"},
    {"Interpreter", [](ImageEditor* e) { AddHeader(e, PT_INTERP); }, "a program for the host"},
    {"TwoDynamicSections", [](ImageEditor* e) { AddHeader(e, PT_DYNAMIC); }, "two dynamic"},
    {"WritableCode", [](ImageEditor* e) { e->program_header(PT_LOAD, 1).p_flags |= PF_W; },
     "both writable and executable"},
    {"SegmentPastTheEnd",
     [](ImageEditor* e) { e->program_header(PT_LOAD, 1).p_offset = e->bytes.size(); },
     "does not lie inside the file"},
    {"SegmentWrapsAround", [](ImageEditor* e) { e->program_header(PT_LOAD, 1).p_offset = kHuge; },
     "does not lie inside the file"},
    {"MoreInFileThanInMemory", [](ImageEditor* e) { e->program_header(PT_LOAD, 1).p_memsz = 1; },
     "does not lie inside the file"},
    {"HugeVariable",
     [](ImageEditor* e) { e->program_header(PT_LOAD, 3).p_memsz = VNPU_MAX_IMAGE_SPAN; },
     "256 MiB"},
    {"FarAddress", [](ImageEditor* e) { e->program_header(PT_LOAD, 3).p_vaddr = kHuge; },
     "256 MiB"},
    {"SharedPage", [](ImageEditor* e) { e->program_header(PT_LOAD, 2).p_vaddr -= 0x1000; },
     "overlap"},
    {"WrongOrder", [](ImageEditor* e) { e->program_header(PT_LOAD, 1).p_vaddr = 0x80000; },
     "overlap"},
    {"NotePastTheEnd", [](ImageEditor* e) { e->program_header(PT_NOTE).p_filesz = kHuge; },
     "a note does not lie"},
    {"NoteOfOddSize",
     [](ImageEditor* e) { e->At<Elf64_Nhdr>(e->program_header(PT_NOTE).p_offset).n_descsz = 32; },
     "note is malformed"},
    {"NoteWithFlags", [](ImageEditor* e) { e->note().flags = 1; }, "note is malformed"},
    {"NoteWithReservedFields", [](ImageEditor* e) { e->note().reserved[2] = 1; },
     "note is malformed"},
};
INSTANTIATE_TEST_SUITE_P(Headers, Hostile, ::testing::ValuesIn(kHeaderLies), LieName);

const Lie kDynamicLies[] = {
    {"NeedsLibrary", [](ImageEditor* e) { e->dynamic(DT_HASH).d_tag = DT_NEEDED; },
     "needs a shared library"},
    {"Constructor", [](ImageEditor* e) { e->dynamic(DT_HASH).d_tag = DT_INIT_ARRAY; },
     "constructors"},
    {"Initializer", [](ImageEditor* e) { e->dynamic(DT_HASH).d_tag = DT_INIT; }, "constructors"},
    {"TextRelocations", [](ImageEditor* e) { e->dynamic(DT_HASH).d_tag = DT_TEXTREL; }, "-fPIC"},
    {"StaticThreadLocal", [](ImageEditor* e) { e->dynamic(DT_FLAGS).d_un.d_val = DF_STATIC_TLS; },
     "thread-local"},
    {"PackedRelocations", [](ImageEditor* e) { e->dynamic(DT_HASH).d_tag = DT_RELR; },
     "unknown form"},
    {"OddRelocationSize", [](ImageEditor* e) { e->dynamic(DT_RELAENT).d_un.d_val = 16; },
     "unknown size"},
    {"OddSymbolSize", [](ImageEditor* e) { e->dynamic(DT_SYMENT).d_un.d_val = 1; }, "unknown size"},
    {"RelocationsPastTheEnd", [](ImageEditor* e) { e->dynamic(DT_RELASZ).d_un.d_val = 24U << 20; },
     "table of relocations"},
    {"RelocationsElsewhere", [](ImageEditor* e) { e->dynamic(DT_RELA).d_un.d_val = kHuge; },
     "table of relocations"},
    {"PartOfARelocation", [](ImageEditor* e) { e->dynamic(DT_RELASZ).d_un.d_val -= 1; },
     "table of relocations"},
    {"StringsElsewhere", [](ImageEditor* e) { e->dynamic(DT_STRTAB).d_un.d_val = kHuge; },
     "table of strings"},
    {"NoSymbols", [](ImageEditor* e) { e->dynamic(DT_SYMTAB).d_un.d_val = kHuge; },
     "a symbol is missing"},
    {"DynamicPastTheEnd", [](ImageEditor* e) { e->program_header(PT_DYNAMIC).p_offset = kHuge; },
     "dynamic section does not lie"},
};
INSTANTIATE_TEST_SUITE_P(Dynamic, Hostile, ::testing::ValuesIn(kDynamicLies), LieName);

const Lie kRelocationLies[] = {
    {"ChangesCode",
     [](ImageEditor* e) {
       e->relocation(R_X86_64_RELATIVE).r_offset = e->program_header(PT_LOAD, 1).p_vaddr;
     },
     "changes code"},
    {"WritesOutside", [](ImageEditor* e) { e->relocation(R_X86_64_RELATIVE).r_offset = kHuge; },
     "memory outside"},
    {"WritesAcrossTheEnd",
     [](ImageEditor* e) {
       const Elf64_Phdr& last = e->program_header(PT_LOAD, 3);
       const std::uint64_t end = (last.p_vaddr + last.p_memsz + 0xfff) & ~0xfffULL;
       e->relocation(R_X86_64_RELATIVE).r_offset = end - 4;
     },
     "memory outside"},
    {"PointsOutside", [](ImageEditor* e) { e->relocation(R_X86_64_RELATIVE).r_addend = 1L << 40; },
     "points outside"},
    {"PointsBefore", [](ImageEditor* e) { e->relocation(R_X86_64_RELATIVE).r_addend = -8; },
     "points outside"},
    {"UnknownType",
     [](ImageEditor* e) {
       e->relocation(R_X86_64_RELATIVE).r_info = ELF64_R_INFO(0, R_X86_64_TPOFF64);
     },
     "relocation of type 18"},
    {"IndirectFunction",
     [](ImageEditor* e) {
       e->relocation(R_X86_64_RELATIVE).r_info = ELF64_R_INFO(0, R_X86_64_IRELATIVE);
     },
     "relocation of type 37"},
    {"UnknownSymbol",
     [](ImageEditor* e) {
       e->relocation(R_X86_64_GLOB_DAT).r_info = ELF64_R_INFO(0xffffff, R_X86_64_GLOB_DAT);
     },
     "a symbol is missing"},
    {"NamelessSymbol",
     [](ImageEditor* e) {
       e->AtAddress<Elf64_Sym>(e->dynamic(DT_SYMTAB).d_un.d_ptr + sizeof(Elf64_Sym)).st_name =
           0xffffff;
     },
     "name of a symbol"},
    {"ForbiddenImport",
     [](ImageEditor* e) {
       const std::uint64_t names = e->dynamic(DT_STRTAB).d_un.d_ptr;
       const Elf64_Rela& relocation = e->relocation(R_X86_64_GLOB_DAT);
       const auto& symbol = e->AtAddress<Elf64_Sym>(
           e->dynamic(DT_SYMTAB).d_un.d_ptr + ELF64_R_SYM(relocation.r_info) * sizeof(Elf64_Sym));
       e->AtAddress<char>(names + symbol.st_name) = 'X';
     },
     "which the virtual core does not have"},
};
INSTANTIATE_TEST_SUITE_P(Relocation, Hostile, ::testing::ValuesIn(kRelocationLies), LieName);

const Lie kTableLies[] = {
    {"NoKernels", [](ImageEditor* e) { e->note().kernels_bytes = 0; }, "no kernels"},
    {"PartOfAKernel", [](ImageEditor* e) { e->note().kernels_bytes += 8; }, "table of kernels"},
    {"KernelsElsewhere", [](ImageEditor* e) { e->note().kernels = kHuge; }, "table of kernels"},
    {"EndlessKernels", [](ImageEditor* e) { e->note().kernels_bytes = kHuge & ~63ULL; },
     "table of kernels"},
    {"GlobalsElsewhere", [](ImageEditor* e) { e->note().globals = kHuge; }, "table of globals"},
    {"ThunkInData",
     [](ImageEditor* e) {
       e->RelocationAt(e->note().kernels + offsetof(vnpu_kernel_entry, thunk)).r_addend = 0x40;
     },
     "has no code"},
    {"ThunkOutside",
     [](ImageEditor* e) {
       auto& relocation = e->RelocationAt(e->note().kernels + offsetof(vnpu_kernel_entry, thunk));
       relocation.r_info = ELF64_R_INFO(0, R_X86_64_NONE);
     },
     "has no code"},
    {"NamelessKernel",
     [](ImageEditor* e) {
       auto& relocation = e->RelocationAt(e->note().kernels + offsetof(vnpu_kernel_entry, name));
       relocation.r_info = ELF64_R_INFO(0, R_X86_64_NONE);
     },
     "has no proper name"},
    {"EmptyName",
     [](ImageEditor* e) {
       const auto& relocation =
           e->RelocationAt(e->note().kernels + offsetof(vnpu_kernel_entry, name));
       e->AtAddress<char>(static_cast<std::uint64_t>(relocation.r_addend)) = '\0';
     },
     "has no proper name"},
    {"ControlCharacterInName",
     [](ImageEditor* e) {
       const auto& relocation =
           e->RelocationAt(e->note().kernels + offsetof(vnpu_kernel_entry, name));
       e->AtAddress<char>(static_cast<std::uint64_t>(relocation.r_addend)) = '\n';
     },
     "has no proper name"},
    {"TwoOfAName",
     [](ImageEditor* e) {
       const std::uint64_t name = e->note().kernels + offsetof(vnpu_kernel_entry, name);
       e->RelocationAt(name + sizeof(vnpu_kernel_entry)).r_addend = e->RelocationAt(name).r_addend;
     },
     "two kernels of the name"},
    {"UnknownCore", [](ImageEditor* e) { e->kernel(0).core_type = 4; }, "out of range"},
    {"TooManyParameters", [](ImageEditor* e) { e->kernel(0).param_count = 0xffffffff; },
     "out of range"},
    {"TooManyArguments", [](ImageEditor* e) { e->kernel(0).args_size = VNPU_MAX_ARG_BYTES + 1; },
     "out of range"},
    {"OddAlignment", [](ImageEditor* e) { e->kernel(0).args_align = 3; }, "out of range"},
    {"ParametersPastTheArguments", [](ImageEditor* e) { e->kernel(0).args_size = 4; },
     "list of parameters"},
    {"FlagsOfTheFuture", [](ImageEditor* e) { e->kernel(0).flags = 1; }, "out of range"},
    {"RatioWithoutMix", [](ImageEditor* e) { e->kernel(0).vector_ratio = 1; }, "out of range"},
    {"MixWithoutRatio", [](ImageEditor* e) { e->kernel(0).core_type = VNPU_UNIT_MIX; },
     "out of range"},
    {"GlobalOutside",
     [](ImageEditor* e) {
       e->AtAddress<vnpu_global_entry>(e->note().globals).size = VNPU_MAX_IMAGE_SPAN;
     },
     "does not lie inside"},
    {"GlobalInCode",
     [](ImageEditor* e) {
       e->RelocationAt(e->note().globals + offsetof(vnpu_global_entry, address)).r_addend =
           static_cast<std::int64_t>(e->program_header(PT_LOAD, 1).p_vaddr);
     },
     "does not lie inside"},
};
INSTANTIATE_TEST_SUITE_P(Tables, Hostile, ::testing::ValuesIn(kTableLies), LieName);

// The bytes change between Parse and Load, as those of shared memory may.
TEST(Hostile, ImageThatBecomesShorterIsRefused) {
  const ImageEditor editor;
  const auto plan = Parse(editor.image());
  ASSERT_TRUE(plan);
  std::vector<std::byte> memory(plan->span);
  const auto loaded = Load(*plan, editor.image().first(100), 0, memory, ImportTable({}));
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().find("shorter"), std::string::npos);
}

TEST(Hostile, MemoryThatIsTooSmallIsRefused) {
  const ImageEditor editor;
  const auto plan = Parse(editor.image());
  ASSERT_TRUE(plan);
  std::vector<std::byte> memory(plan->span - 1);
  EXPECT_FALSE(Load(*plan, editor.image(), 0, memory, ImportTable({})));
  memory.resize(plan->span);
  EXPECT_FALSE(Load(*plan, editor.image(), 8, memory, ImportTable({})));
  EXPECT_FALSE(Load(*plan, editor.image(), ~0xfffULL, memory, ImportTable({})));
}

}  // namespace
}  // namespace vnpu::firmware
