// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Finding and writing a loaded library's import slots.
/// Source: the ELF specification (dynamic section, RELA relocations), dl_iterate_phdr(3).
/// Next: peer_memory.cpp
#include "imports.hpp"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "imports.cpp knows the relocations of x86-64 and AArch64 only"
#endif

namespace matrass::guard::detail {

namespace {

struct Wanted {
  const char* library;
  const char* symbol;
  void* target;
};

/// A library's dynamic section, as far as imports go.
struct Dynamic {
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  std::array<const ElfW(Rela)*, 2> relocations{};  // of calls, of addresses
  std::array<std::size_t, 2> bytes{};
};

// NOLINTBEGIN(performance-no-int-to-ptr): ELF has addresses as integers

/// The loader has turned the section's entries into addresses already.
template <class T>
const T* at(ElfW(Addr) address) {
  return reinterpret_cast<const T*>(address);
}

Dynamic read_dynamic(const ElfW(Dyn) * entry) {
  Dynamic found;
  for (; entry->d_tag != DT_NULL; ++entry) {
    const auto value = entry->d_un.d_ptr;
    if (entry->d_tag == DT_SYMTAB) found.symbols = at<ElfW(Sym)>(value);
    if (entry->d_tag == DT_STRTAB) found.names = at<char>(value);
    if (entry->d_tag == DT_JMPREL) found.relocations[0] = at<ElfW(Rela)>(value);
    if (entry->d_tag == DT_PLTRELSZ) found.bytes[0] = value;
    if (entry->d_tag == DT_RELA) found.relocations[1] = at<ElfW(Rela)>(value);
    if (entry->d_tag == DT_RELASZ) found.bytes[1] = value;
  }
  return found;
}

/// Writes one slot, whose page the loader may have made read-only.
void write_slot(ElfW(Addr) slot, void* target) {
  const auto page_size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  auto* const page = reinterpret_cast<void*>(slot & ~(page_size - 1));
  if (mprotect(page, page_size, PROT_READ | PROT_WRITE) != 0) return;
  *reinterpret_cast<void**>(slot) = target;
}

void redirect(ElfW(Addr) base, const Dynamic& library, const Wanted& wanted) {
  if (library.symbols == nullptr || library.names == nullptr) return;
  for (int table = 0; table < 2; ++table) {
    const auto* const relocations = library.relocations[table];
    for (std::size_t i = 0; i < library.bytes[table] / sizeof(ElfW(Rela)); ++i) {
      const auto& symbol = library.symbols[ELF64_R_SYM(relocations[i].r_info)];
      if (std::strcmp(library.names + symbol.st_name, wanted.symbol) == 0)
        write_slot(base + relocations[i].r_offset, wanted.target);
    }
  }
}

int visit(dl_phdr_info* info, std::size_t /*size*/, void* data) {
  const auto& wanted = *static_cast<const Wanted*>(data);
  if (info->dlpi_name == nullptr || std::strstr(info->dlpi_name, wanted.library) == nullptr)
    return 0;
  for (ElfW(Half) i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_DYNAMIC)
      redirect(info->dlpi_addr, read_dynamic(at<ElfW(Dyn)>(info->dlpi_addr + segment.p_vaddr)),
               wanted);
  }
  return 0;
}

// NOLINTEND(performance-no-int-to-ptr)

}  // namespace

void redirect_import(const char* library, const char* symbol, void* target) {
  Wanted wanted{library, symbol, target};
  dl_iterate_phdr(visit, &wanted);
}

}  // namespace matrass::guard::detail
