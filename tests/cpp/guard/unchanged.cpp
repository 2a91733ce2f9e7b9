// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// MPI is the same with the guard: each wrapped call against its PMPI original, in the corners
/// where a non-blocking form might differ. (mpi4py's own tests run through the guard as well.)
/// Next: blocked.cpp (what is different: blocked calls end)
#include <array>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "matrass/mpi/guard.hpp"
#include "support/mpi_test.hpp"

using namespace matrass::test;

namespace {

constexpr int pattern = 0x5a5a5a5a;

MPI_Status untouched() {
  MPI_Status status;
  std::memset(&status, 0x5a, sizeof status);
  return status;
}

/// What the plain and the guarded call leave in the status. (Not MPI_ERROR: MPICH's own
/// MPI_Sendrecv_replace writes it, its other calls do not.)
void expect_same_status(const MPI_Status& guarded, const MPI_Status& plain) {
  int guarded_count = -1, plain_count = -1;
  MPI_Get_count(&guarded, MPI_INT, &guarded_count);
  MPI_Get_count(&plain, MPI_INT, &plain_count);
  EXPECT_EQ(guarded_count, plain_count);
  EXPECT_EQ(guarded.MPI_SOURCE, plain.MPI_SOURCE);
  EXPECT_EQ(guarded.MPI_TAG, plain.MPI_TAG);
}

class Returning {  // errors return on this communicator while it lives
 public:
  explicit Returning(MPI_Comm comm) : comm_(comm) {
    MPI_Comm_get_errhandler(comm, &before_);
    MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
  }
  ~Returning() { MPI_Comm_set_errhandler(comm_, before_); }

 private:
  MPI_Comm comm_;
  MPI_Errhandler before_{};
};

int error_class(int code) {
  int result = MPI_SUCCESS;
  MPI_Error_class(code, &result);
  return result;
}

TEST(Unchanged, ReceiveStatusHasSourceTagCountAndKeepsItsErrorField) {
  std::array<int, 8> in{}, out{1, 2, 3};
  std::array<MPI_Status, 2> statuses{untouched(), untouched()};
  const int rank = world_rank();
  for (int guarded = 0; guarded < 2; ++guarded) {
    MPI_Request sent;
    MPI_Isend(out.data(), 3, MPI_INT, rank, 9, world(), &sent);
    const auto receive = guarded != 0 ? MPI_Recv : PMPI_Recv;
    EXPECT_EQ(
        receive(in.data(), 8, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, world(), &statuses[guarded]),
        MPI_SUCCESS);
    MPI_Wait(&sent, MPI_STATUS_IGNORE);
  }
  EXPECT_EQ(statuses[1].MPI_TAG, 9);
  EXPECT_EQ(statuses[1].MPI_ERROR, pattern);
  expect_same_status(statuses[1], statuses[0]);
}

TEST(Unchanged, ProcNullStatuses) {
  int x = 4;
  MPI_Status plain = untouched(), guarded = untouched();
  PMPI_Recv(&x, 1, MPI_INT, MPI_PROC_NULL, 3, world(), &plain);
  MPI_Recv(&x, 1, MPI_INT, MPI_PROC_NULL, 3, world(), &guarded);
  expect_same_status(guarded, plain);
  PMPI_Sendrecv(&x, 1, MPI_INT, MPI_PROC_NULL, 3, &x, 1, MPI_INT, MPI_PROC_NULL, 3, world(),
                &plain);
  MPI_Sendrecv(&x, 1, MPI_INT, MPI_PROC_NULL, 3, &x, 1, MPI_INT, MPI_PROC_NULL, 3, world(),
               &guarded);
  expect_same_status(guarded, plain);
  PMPI_Sendrecv_replace(&x, 1, MPI_INT, MPI_PROC_NULL, 3, MPI_PROC_NULL, 3, world(), &plain);
  MPI_Sendrecv_replace(&x, 1, MPI_INT, MPI_PROC_NULL, 3, MPI_PROC_NULL, 3, world(), &guarded);
  expect_same_status(guarded, plain);
  PMPI_Probe(MPI_PROC_NULL, 3, world(), &plain);
  MPI_Probe(MPI_PROC_NULL, 3, world(), &guarded);
  expect_same_status(guarded, plain);
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Mprobe(MPI_PROC_NULL, 3, world(), &message, &guarded);
  EXPECT_EQ(message, MPI_MESSAGE_NO_PROC);
  EXPECT_EQ(MPI_Mrecv(&x, 1, MPI_INT, &message, &guarded), MPI_SUCCESS);
  EXPECT_EQ(message, MPI_MESSAGE_NULL);
  EXPECT_EQ(MPI_Send(&x, 1, MPI_INT, MPI_PROC_NULL, 0, world()), MPI_SUCCESS);
  EXPECT_EQ(x, 4);
}

TEST(Unchanged, TruncationIsTheSameError) {
  const Returning returning(world());
  std::array<int, 8> in{}, out{};
  std::array<int, 2> codes{};
  for (int guarded = 0; guarded < 2; ++guarded) {
    MPI_Request sent;
    MPI_Isend(out.data(), 8, MPI_INT, world_rank(), 9, world(), &sent);
    const auto receive = guarded != 0 ? MPI_Recv : PMPI_Recv;
    codes[guarded] = receive(in.data(), 4, MPI_INT, world_rank(), 9, world(), MPI_STATUS_IGNORE);
    PMPI_Wait(&sent, MPI_STATUS_IGNORE);
  }
  EXPECT_EQ(error_class(codes[1]), MPI_ERR_TRUNCATE);
  EXPECT_EQ(error_class(codes[1]), error_class(codes[0]));
}

TEST(Unchanged, BadArgumentsAreTheSameErrors) {
  const Returning returning(world());
  int x = 0, y = 0;
  const int nobody = world_size();
  const auto same = [](int guarded, int plain) {
    EXPECT_NE(plain, MPI_SUCCESS);
    EXPECT_EQ(error_class(guarded), error_class(plain));
  };
  same(MPI_Send(&x, 1, MPI_INT, nobody, 0, world()), PMPI_Send(&x, 1, MPI_INT, nobody, 0, world()));
  same(MPI_Send(&x, -1, MPI_INT, 0, 0, world()), PMPI_Send(&x, -1, MPI_INT, 0, 0, world()));
  same(MPI_Recv(&x, 1, MPI_DATATYPE_NULL, 0, 0, world(), MPI_STATUS_IGNORE),
       PMPI_Recv(&x, 1, MPI_DATATYPE_NULL, 0, 0, world(), MPI_STATUS_IGNORE));
  same(MPI_Bcast(&x, 1, MPI_INT, nobody, world()), PMPI_Bcast(&x, 1, MPI_INT, nobody, world()));
  same(MPI_Allreduce(&x, &y, 1, MPI_INT, MPI_OP_NULL, world()),
       PMPI_Allreduce(&x, &y, 1, MPI_INT, MPI_OP_NULL, world()));
  same(MPI_Sendrecv(&x, 1, MPI_INT, nobody, 0, &y, 1, MPI_INT, 0, 0, world(), MPI_STATUS_IGNORE),
       PMPI_Sendrecv(&x, 1, MPI_INT, nobody, 0, &y, 1, MPI_INT, 0, 0, world(), MPI_STATUS_IGNORE));
  // The receive that the failed exchange posted was taken back: this message is not lost in it.
  MPI_Request sent;
  x = 31;
  MPI_Isend(&x, 1, MPI_INT, world_rank(), 0, world(), &sent);
  MPI_Recv(&y, 1, MPI_INT, world_rank(), 0, world(), MPI_STATUS_IGNORE);
  MPI_Wait(&sent, MPI_STATUS_IGNORE);
  EXPECT_EQ(y, 31);
}

TEST(Unchanged, InPlaceBottomAndZeroCounts) {
  const int size = world_size(), rank = world_rank();
  int sum = rank + 1;
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, world());
  EXPECT_EQ(sum, size * (size + 1) / 2);
  std::vector<int> all(size, -1);
  all[rank] = rank;
  MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), 1, MPI_INT, world());
  for (int r = 0; r < size; ++r) EXPECT_EQ(all[r], r);

  int value = rank == 0 ? 77 : 0;
  MPI_Aint address = 0;
  MPI_Get_address(&value, &address);
  MPI_Datatype absolute;
  const int one = 1;
  MPI_Type_create_hindexed(1, &one, &address, MPI_INT, &absolute);
  MPI_Type_commit(&absolute);
  MPI_Bcast(MPI_BOTTOM, 1, absolute, 0, world());
  MPI_Type_free(&absolute);
  EXPECT_EQ(value, 77);

  EXPECT_EQ(MPI_Bcast(nullptr, 0, MPI_INT, 0, world()), MPI_SUCCESS);
  EXPECT_EQ(MPI_Reduce(nullptr, nullptr, 0, MPI_INT, MPI_SUM, 0, world()), MPI_SUCCESS);
  EXPECT_EQ(MPI_Waitall(0, nullptr, MPI_STATUSES_IGNORE), MPI_SUCCESS);
  int index = 0, count = 0;
  EXPECT_EQ(MPI_Waitany(0, nullptr, &index, MPI_STATUS_IGNORE), MPI_SUCCESS);
  EXPECT_EQ(index, MPI_UNDEFINED);
  EXPECT_EQ(MPI_Waitsome(0, nullptr, &count, &index, MPI_STATUSES_IGNORE), MPI_SUCCESS);
  EXPECT_EQ(count, MPI_UNDEFINED);
}

TEST(Unchanged, SendrecvReplaceOfStridedDataRoundTheRing) {
  const int size = world_size(), rank = world_rank();
  MPI_Datatype column;
  MPI_Type_vector(4, 1, 3, MPI_INT, &column);
  MPI_Type_commit(&column);
  std::vector<int> matrix(12);
  std::iota(matrix.begin(), matrix.end(), 100 * rank);
  const int left = (rank + size - 1) % size;
  MPI_Status status;
  MPI_Sendrecv_replace(matrix.data(), 1, column, (rank + 1) % size, 1, left, 1, world(), &status);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(matrix[i], (i % 3 == 0 ? 100 * left : 100 * rank) + i);
  int elements = 0;
  MPI_Get_elements(&status, column, &elements);
  EXPECT_EQ(elements, 4);
  EXPECT_EQ(status.MPI_SOURCE, left);
  MPI_Sendrecv_replace_c(matrix.data(), 1, column, left, 1, (rank + 1) % size, 1, world(), &status);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(matrix[i], 100 * rank + i);
  MPI_Type_free(&column);
}

TEST(Unchanged, WaitanyAndWaitsomeNameWhatCame) {
  std::array<int, 3> in{}, out{10, 11, 12};
  std::array<MPI_Request, 3> requests{};
  for (int i = 0; i < 3; ++i)
    MPI_Irecv(&in[i], 1, MPI_INT, world_rank(), 20 + i, world(), &requests[i]);
  MPI_Send(&out[1], 1, MPI_INT, world_rank(), 21, world());
  int index = -1;
  MPI_Status status;
  MPI_Waitany(3, requests.data(), &index, &status);
  EXPECT_EQ(index, 1);
  EXPECT_EQ(status.MPI_TAG, 21);
  EXPECT_EQ(requests[1], MPI_REQUEST_NULL);
  MPI_Send(&out[2], 1, MPI_INT, world_rank(), 22, world());
  int count = 0;
  std::array<int, 3> indices{};
  std::array<MPI_Status, 3> statuses{};
  MPI_Waitsome(3, requests.data(), &count, indices.data(), statuses.data());
  ASSERT_EQ(count, 1);
  EXPECT_EQ(indices[0], 2);
  MPI_Send(out.data(), 1, MPI_INT, world_rank(), 20, world());
  MPI_Waitall(3, requests.data(), statuses.data());
  EXPECT_EQ(in, out);
}

TEST(Unchanged, CommunicatorsOfEveryMake) {
  const int rank = world_rank(), size = world_size();
  MPI_Comm half, dup, merged, inter, cart;
  MPI_Comm_split(world(), rank % 2, -rank, &half);
  int half_rank = -1;
  MPI_Comm_rank(half, &half_rank);
  EXPECT_EQ(half_rank, (size - 1 - rank) / 2);
  MPI_Comm_dup(half, &dup);
  int same = -1;
  MPI_Comm_compare(half, dup, &same);
  EXPECT_EQ(same, MPI_CONGRUENT);
  const std::array<int, 1> dims{size}, periods{1};
  MPI_Cart_create(world(), 1, dims.data(), periods.data(), 0, &cart);
  int topology = -1;
  MPI_Topo_test(cart, &topology);
  EXPECT_EQ(topology, MPI_CART);
  MPI_Comm_free(&cart);
  if (size > 1) {
    // Leaders are rank 0 of each half: with the key -rank these are the two last of the world.
    const int other = rank % 2 == (size - 1) % 2 ? size - 2 : size - 1;
    MPI_Intercomm_create(half, 0, world(), other, 5, &inter);
    int remote = 0;
    MPI_Comm_remote_size(inter, &remote);
    EXPECT_EQ(remote, rank % 2 == 0 ? size / 2 : (size + 1) / 2);
    int sum = 0;
    const int mine = rank % 2 == 0 ? 1 : 1000;
    MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, inter);
    EXPECT_EQ(sum, rank % 2 == 0 ? size / 2 * 1000 : (size + 1) / 2);
    MPI_Intercomm_merge(inter, rank % 2, &merged);
    int merged_size = 0;
    MPI_Comm_size(merged, &merged_size);
    EXPECT_EQ(merged_size, size);
    MPI_Comm_free(&merged);
    MPI_Comm_free(&inter);
  }
  MPI_Comm_free(&dup);
  MPI_Comm_free(&half);
  EXPECT_EQ(half, MPI_COMM_NULL);
}

/// MPICH frees locally; the guard relies on it when it does not let the ranks agree first.
TEST(Unchanged, CommFreeWaitsForNobody) {
  MPI_Comm comm;
  MPI_Comm_dup(world(), &comm);
  if (world_rank() == 0) MPI_Comm_free(&comm);
  MPI_Barrier(world());  // rank 0 would not come here if it waited for the others' MPI_Comm_free
  if (world_rank() != 0) MPI_Comm_free(&comm);
  EXPECT_EQ(comm, MPI_COMM_NULL);
}

/// The guard leaves collectives to MPI that MPICH does locally
/// (tests/python/guard/test_exports.py).
TEST(Unchanged, PersistentCollectivesAndHintsWaitForNobody) {
  MPI_Comm comm;
  MPI_Comm_dup(world(), &comm);
  int one = 1, sum = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Info hints;
  MPI_Info_create(&hints);
  const auto make = [&] {
    MPI_Comm_set_info(comm, hints);
    MPI_Allreduce_init(&one, &sum, 1, MPI_INT, MPI_SUM, comm, MPI_INFO_NULL, &request);
  };
  if (world_rank() == 0) make();
  MPI_Barrier(world());  // rank 0 would not come here if it had waited for the others
  if (world_rank() != 0) make();
  MPI_Start(&request);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  EXPECT_EQ(sum, world_size());
  MPI_Request_free(&request);
  MPI_Info_free(&hints);
  MPI_Comm_free(&comm);
}

TEST(Unchanged, WindowsAndFilesKeepTheirMeaning) {
  const int rank = world_rank(), size = world_size();
  int* base = nullptr;
  MPI_Win win;
  // A page: in MPICH 4.0.2 itself shared windows of a few bytes lose what rank 0 puts into rank
  // 1's.
  MPI_Win_allocate(4096, sizeof(int), MPI_INFO_NULL, world(), static_cast<void*>(&base), &win);
  *base = -1;
  MPI_Win_fence(0, win);
  MPI_Put(&rank, 1, MPI_INT, (rank + 1) % size, 0, 1, MPI_INT, win);
  MPI_Win_fence(0, win);
  EXPECT_EQ(*base, (rank + size - 1) % size);
  MPI_Win_free(&win);
  EXPECT_EQ(win, MPI_WIN_NULL);

  const std::string name = ::testing::TempDir() + "matrass_guard_unchanged";
  MPI_File file;
  ASSERT_EQ(MPI_File_open(world(), name.c_str(),
                          MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL,
                          &file),
            MPI_SUCCESS);
  MPI_File_write_at_all(file, rank * static_cast<MPI_Offset>(sizeof rank), &rank, 1, MPI_INT,
                        MPI_STATUS_IGNORE);
  MPI_File_sync(file);
  int back = -1;
  MPI_File_read_at_all(file, rank * static_cast<MPI_Offset>(sizeof rank), &back, 1, MPI_INT,
                       MPI_STATUS_IGNORE);
  EXPECT_EQ(back, rank);
  MPI_File_close(&file);
  EXPECT_EQ(file, MPI_FILE_NULL);
}

TEST(Unchanged, SixThreadsTalkAtOnce) {
  int provided = 0;
  MPI_Query_thread(&provided);
  if (provided < MPI_THREAD_MULTIPLE) GTEST_SKIP() << "the world has no MPI_THREAD_MULTIPLE";
  constexpr int threads = 6, messages = 200;
  const int rank = world_rank(), size = world_size();
  std::array<int, threads> wrong{};
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      for (int i = 0; i < messages; ++i) {
        int out = 1000 * t + i, in = -1;
        MPI_Sendrecv(&out, 1, MPI_INT, (rank + 1) % size, t, &in, 1, MPI_INT,
                     (rank + size - 1) % size, t, world(), MPI_STATUS_IGNORE);
        wrong[t] += in != out;
      }
    });
  for (auto& thread : running) thread.join();
  for (const int count : wrong) EXPECT_EQ(count, 0);
}

}  // namespace
