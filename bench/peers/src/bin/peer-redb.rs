//! Bare redb: rows without a tree, one durable transaction a block.

use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use sapwood_bench_accounts::{Key, Update};
use sapwood_bench_peers::{Applied, Phase, Result, Store};
use std::path::Path;
use std::process::ExitCode;

const ROWS: TableDefinition<&Key, &[u8]> = TableDefinition::new("rows");

struct Redb(Database);

impl Store for Redb {
    const KIND: &'static str = "redb";
    type Batch = Vec<Update>;
    type Proof = ();
    type Root = [u8; 32];
    type Options = ();

    fn open(dir: &Path, _accounts: u64, _phase: Phase, (): &()) -> Result<Self> {
        let database = Database::create(dir.join("rows.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(ROWS)?;
        transaction.commit()?;
        Ok(Self(database))
    }

    fn batch(updates: Vec<Update>) -> Self::Batch {
        updates
    }

    fn apply(&mut self, batch: Self::Batch) -> Result<Applied> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut rows = transaction.open_table(ROWS)?;
            for update in &batch {
                rows.insert(&update.key, update.value.as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(Applied { root_times: None })
    }

    fn undo(&mut self) -> Result<Option<()>> {
        Ok(None)
    }

    fn root(&self) -> Result<Option<Self::Root>> {
        Ok(None)
    }

    fn value(&self, key: &Key) -> Result<Option<Vec<u8>>> {
        let rows = self.0.begin_read()?.open_table(ROWS)?;
        Ok(rows.get(key)?.map(|value| value.value().to_vec()))
    }

    fn prove(&self, _keys: &[Key]) -> Result<Option<Vec<Self::Proof>>> {
        Ok(None)
    }

    fn verify(_root: &Self::Root, _key: &Key, _value: &[u8], _proof: &()) -> Result<()> {
        Err("there is no tree".into())
    }
}

fn main() -> ExitCode {
    sapwood_bench_peers::main::<Redb>()
}
