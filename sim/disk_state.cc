#include "sim/disk_state.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice::sim {
namespace {

constexpr uint32_t kSectorKeptPermille = 500;
constexpr uint32_t kBlockLostPermille = 100;

const BlockPtr& zero_block() {
  static const BlockPtr kZeros = std::make_shared<const Block>();
  return kZeros;
}

uint64_t block_count(uint64_t bytes) {
  return align_up(bytes, kBlockBytes) / kBlockBytes;
}

/// The sectors that bytes [from, to) of a block touch.
uint8_t sector_mask(uint64_t from, uint64_t to) {
  const uint64_t first = from / kSectorBytes;
  const uint64_t end = align_up(to, kSectorBytes) / kSectorBytes;
  return static_cast<uint8_t>(((1u << end) - 1) & ~((1u << first) - 1));
}

/// `under` with the chosen sectors of `over`.
BlockPtr overlay(const BlockPtr& under, const BlockPtr& over, uint8_t sectors) {
  if (sectors == 0xff) return over;
  auto block = std::make_shared<Block>(*under);
  for (uint64_t i = 0; i < kBlockSectors; ++i) {
    if ((sectors >> i & 1) == 0) continue;
    std::memcpy(block->data() + i * kSectorBytes, over->data() + i * kSectorBytes, kSectorBytes);
  }
  return block;
}

/// What a device may leave where it was writing: noise or zeros, in the whole block or in some
/// sectors.
BlockPtr garbage(const BlockPtr& block, Random& random) {
  auto torn = std::make_shared<Block>(*block);
  const bool whole = random.chance(500);
  const bool noise = random.chance(500);
  for (uint64_t i = 0; i < kBlockSectors; ++i) {
    if (!whole && random.chance(500)) continue;
    const auto sector = std::span(*torn).subspan(i * kSectorBytes, kSectorBytes);
    std::fill(sector.begin(), sector.end(), std::byte{0});
    if (noise) random.fill(sector);
  }
  return torn;
}

bool lucky(Luck luck, Random& random) {
  return luck == Luck::kAll || (luck == Luck::kSome && random.chance(kSectorKeptPermille));
}

}  // namespace

Luck draw_luck(Random& random) {
  const uint64_t draw = random.below(4);
  return draw == 0 ? Luck::kAll : draw == 1 ? Luck::kNone : Luck::kSome;
}

size_t Image::read_at(uint64_t offset, std::span<std::byte> out) const {
  if (offset >= bytes) return 0;
  const size_t total = std::min<uint64_t>(out.size(), bytes - offset);
  for (size_t done = 0; done < total;) {
    const uint64_t from = (offset + done) % kBlockBytes;
    const size_t count = std::min<uint64_t>(total - done, kBlockBytes - from);
    const BlockPtr& found = blocks[(offset + done) / kBlockBytes];
    const Block& source = found == nullptr ? *zero_block() : *found;
    std::memcpy(out.data() + done, source.data() + from, count);
    done += count;
  }
  return total;
}

void Image::resize(uint64_t new_bytes) {
  bytes = new_bytes;
  blocks.resize(block_count(new_bytes));
  const uint64_t tail = new_bytes % kBlockBytes;
  if (tail == 0 || blocks.back() == nullptr) return;
  auto last = std::make_shared<Block>(*blocks.back());
  std::fill(last->begin() + static_cast<ptrdiff_t>(tail), last->end(), std::byte{0});
  blocks.back() = std::move(last);
}

void Image::grow(uint64_t new_bytes) {
  bytes = std::max(bytes, new_bytes);
  if (blocks.size() < block_count(bytes)) blocks.resize(block_count(bytes));
}

BlockPtr Image::block(uint64_t index) const {
  if (index >= blocks.size() || blocks[index] == nullptr) return zero_block();
  return blocks[index];
}

void Image::set_block(uint64_t index, BlockPtr block) {
  if (index >= blocks.size()) blocks.resize(index + 1);
  blocks[index] = std::move(block);
}

template <class Fill>
void FileState::change_blocks(uint64_t number, uint64_t offset, uint64_t bytes, Fill fill) {
  if (bytes == 0) return;
  const uint64_t end = offset + bytes;
  Change change{number, false, 0, {}};
  for (uint64_t at = offset; at < end;) {
    const uint64_t index = at / kBlockBytes;
    const uint64_t from = at % kBlockBytes;
    const uint64_t count = std::min(end - at, kBlockBytes - from);
    BlockPtr block = fill(index, from, count, at - offset);
    change.blocks.push_back({index, sector_mask(from, from + count), block});
    cache_.set_block(index, std::move(block));
    at += count;
  }
  cache_.grow(end);
  change.bytes = cache_.bytes;
  pending_.push_back(std::make_shared<const Change>(std::move(change)));
}

void FileState::write(uint64_t number, uint64_t offset, ByteView bytes) {
  change_blocks(number, offset, bytes.size(),
                [&](uint64_t index, uint64_t from, uint64_t count, uint64_t source) -> BlockPtr {
                  auto block = count == kBlockBytes ? std::make_shared<Block>()
                                                    : std::make_shared<Block>(*cache_.block(index));
                  std::memcpy(block->data() + from, bytes.data() + source, count);
                  return block;
                });
}

void FileState::write_zeros(uint64_t number, uint64_t offset, uint64_t bytes) {
  change_blocks(number, offset, bytes,
                [&](uint64_t index, uint64_t from, uint64_t count, uint64_t) -> BlockPtr {
                  if (count == kBlockBytes) return zero_block();
                  auto block = std::make_shared<Block>(*cache_.block(index));
                  std::memset(block->data() + from, 0, count);
                  return block;
                });
}

void FileState::truncate(uint64_t number, uint64_t bytes) {
  cache_.resize(bytes);
  pending_.push_back(std::make_shared<const Change>(Change{number, true, bytes, {}}));
}

void FileState::apply(const Change& change, Luck luck, Random& random) {
  if (change.truncates) {
    if (lucky(luck, random)) device_.resize(change.bytes);
    return;
  }
  for (const BlockWrite& write : change.blocks) {
    uint8_t kept = write.sectors;
    for (uint64_t i = 0; i < kBlockSectors && luck != Luck::kAll; ++i) {
      if (!lucky(luck, random)) kept &= static_cast<uint8_t>(~(1u << i));
    }
    if (kept == 0) continue;
    device_.set_block(write.index, overlay(device_.block(write.index), write.bytes, kept));
  }
  if (lucky(luck, random)) device_.grow(change.bytes);
}

void FileState::write_back(uint64_t end, Luck luck, Random& random) {
  size_t covered = 0;
  while (covered < pending_.size() && pending_[covered]->number < end) {
    apply(*pending_[covered++], luck, random);
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(covered));
  if (luck != Luck::kAll) device_.resize(device_.bytes);
}

void FileState::cut_power(Luck luck, Random& random) {
  const auto interrupted = pending_;
  write_back(UINT64_MAX, luck, random);
  if (luck == Luck::kSome) {
    for (const auto& change : interrupted) {
      for (const BlockWrite& write : change->blocks) {
        if (write.index >= device_.blocks.size() || !random.chance(kBlockLostPermille)) continue;
        device_.set_block(write.index, garbage(device_.block(write.index), random));
      }
    }
    device_.resize(device_.bytes);
  }
  cache_ = device_;
}

bool FileState::rot(uint64_t offset, Random& random) {
  if (offset >= device_.bytes) return false;
  const auto flip = static_cast<std::byte>(1u << random.below(8));
  for (Image* image : {&device_, &cache_}) {
    if (offset >= image->bytes) continue;
    auto block = std::make_shared<Block>(*image->block(offset / kBlockBytes));
    (*block)[offset % kBlockBytes] ^= flip;
    image->set_block(offset / kBlockBytes, std::move(block));
  }
  return true;
}

DiskState DiskState::crash(Random& random, CrashKind kind) const {
  DiskState after = *this;
  if (kind == CrashKind::kPowerCut) {
    after.names_ = std::move(after.device_names_);
    const Luck luck = draw_luck(random);
    for (const NameChange& change : after.pending_names_) {
      if (lucky(luck, random)) apply(change, after.names_);
    }
    after.device_names_ = after.names_;
    after.pending_names_.clear();
    after.collect({});
    for (const auto& [id, file] : after.files_) after.edit(id).cut_power(draw_luck(random), random);
  }
  after.collect({});
  return after;
}

bool DiskState::rot(std::string_view name, uint64_t offset, Random& random) {
  const FileId* id = find(name);
  return id != nullptr && edit(*id).rot(offset, random);
}

const FileId* DiskState::find(std::string_view name) const {
  const auto at = names_.find(name);
  return at == names_.end() ? nullptr : &at->second;
}

std::string DiskState::name_of(FileId id) const {
  for (const auto& [name, file] : names_) {
    if (file == id) return name;
  }
  return "(removed)";
}

void DiskState::change_names(NameChange change) {
  apply(change, names_);
  change.number = next_name_change_++;
  pending_names_.push_back(std::move(change));
}

FileId DiskState::create(std::string_view name) {
  const FileId id = next_file_++;
  files_[id] = std::make_shared<FileState>();
  change_names({{}, std::string(name), id});
  return id;
}

void DiskState::rename(std::string_view from, std::string_view to) {
  if (from == to) return;
  change_names({std::string(from), std::string(to), *find(from)});
}

void DiskState::remove(std::string_view name) {
  change_names({std::string(name), {}, 0});
}

void DiskState::sync_names(uint64_t end) {
  std::erase_if(pending_names_, [&](const NameChange& change) {
    if (change.number >= end) return false;
    apply(change, device_names_);
    return true;
  });
}

FileState& DiskState::edit(FileId id) {
  auto& file = files_.at(id);
  if (file.use_count() > 1) file = std::make_shared<FileState>(*file);
  return *file;
}

void DiskState::write(FileId id, uint64_t offset, ByteView bytes) {
  edit(id).write(next_write_++, offset, bytes);
}

void DiskState::write_zeros(FileId id, uint64_t offset, uint64_t bytes) {
  edit(id).write_zeros(next_write_++, offset, bytes);
}

void DiskState::truncate(FileId id, uint64_t bytes) {
  edit(id).truncate(next_write_++, bytes);
}

void DiskState::write_back(FileId id, uint64_t end, Luck luck, Random& random) {
  edit(id).write_back(end, luck, random);
}

uint64_t DiskState::used_bytes() const {
  uint64_t used = 0;
  for (const auto& [name, id] : names_) used += align_up(file(id).cache().bytes, kBlockBytes);
  return used;
}

void DiskState::collect(const std::multiset<FileId>& open) {
  std::multiset<FileId> named = open;
  for (const auto& [name, id] : names_) named.insert(id);
  for (const auto& [name, id] : device_names_) named.insert(id);
  for (const NameChange& change : pending_names_) named.insert(change.file);
  std::erase_if(files_, [&](const auto& entry) { return !named.contains(entry.first); });
}

}  // namespace sluice::sim
