//! A data directory is made, taken and refused.

use super::*;
use rustix::process::geteuid;
use std::{fs, os::unix::fs::PermissionsExt};

fn refused(path: &Path) -> String {
    let error = DataFolder::open(path).unwrap_err();
    assert!(matches!(error, FolderError::Unusable { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn it_is_made_for_its_owner_only_with_all_that_is_missing_above() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("a/b/data");
    let folder = DataFolder::open(&path).unwrap();
    assert_eq!((folder.path(), holder(&path).unwrap().unwrap().pid), (path.as_path(), Some(std::process::id())));
    for made in [&path, &above.path().join("a")] {
        assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700, "{}", made.display());
    }
    assert_eq!((folder.database(), folder.journal()), (path.join("smolbear.db"), path.join("journal")));
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "only the lock");
}

#[test]
fn one_that_is_there_stays_as_the_user_made_it() {
    let path = tempfile::tempdir().unwrap();
    fs::set_permissions(path.path(), fs::Permissions::from_mode(0o750)).unwrap();
    fs::write(path.path().join("smolbear.db"), "money").unwrap();
    drop(DataFolder::open(path.path()).unwrap());
    drop(DataFolder::open(path.path()).unwrap());
    assert_eq!(fs::metadata(path.path()).unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(fs::read_to_string(path.path().join("smolbear.db")).unwrap(), "money");
}

#[test]
fn it_has_one_holder_under_all_of_its_names() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("data");
    let _held = DataFolder::open(&path).unwrap();
    std::os::unix::fs::symlink(&path, above.path().join("link")).unwrap();
    for name in ["data", "link", "./data/../data"] {
        let error = DataFolder::open(&above.path().join(name)).unwrap_err();
        assert!(matches!(error, FolderError::Held { .. }), "{name}: {error}");
    }
}

#[test]
fn what_is_in_the_way_is_named_with_its_errno() {
    let above = tempfile::tempdir().unwrap();
    let (file, below) = (above.path().join("file"), above.path().join("file/data"));
    fs::write(&file, "").unwrap();
    for path in [&file, &below] {
        let want = format!("the data directory can't be used: {}: Not a directory (os error 20)", path.display());
        assert_eq!(refused(path), want);
    }
    fs::create_dir_all(above.path().join("data/lock")).unwrap();
    let said = refused(&above.path().join("data"));
    assert!(said.ends_with("data/lock: Is a directory (os error 21)"), "{said}");
    assert!(refused(Path::new("")).contains("can't be used"), "an empty --data-dir");
    let said = refused(Path::new("/proc/nothing"));
    assert!(said.contains("/proc/nothing: No such file or directory"), "{said}");
}

#[test]
fn one_that_may_not_be_written_is_refused_by_name() {
    let path = tempfile::tempdir().unwrap();
    fs::write(path.path().join("lock"), "").unwrap();
    for mode in [0o500, 0o600, 0o300] {
        fs::set_permissions(path.path(), fs::Permissions::from_mode(mode)).unwrap();
        let opened = DataFolder::open(path.path()).map_err(|error| error.to_string());
        fs::set_permissions(path.path(), fs::Permissions::from_mode(0o700)).unwrap();
        match opened {
            // Nothing is forbidden to root.
            Ok(_) => assert!(geteuid().is_root(), "mode {mode:o}"),
            Err(said) => {
                let want = format!("{}: Permission denied (os error 13)", path.path().display());
                assert!(said.ends_with(&want), "mode {mode:o}: {said}");
            }
        }
    }
}

#[test]
fn what_a_crash_cut_short_is_ended_before_anything_is_opened() {
    let path = tempfile::tempdir().unwrap();
    let part = path.path().join("old/x.part");
    fs::create_dir_all(&part).unwrap();
    fs::write(part.join(DATABASE), "pages").unwrap();
    fs::write(path.path().join("smolbear.db-wal"), "commits").unwrap();
    let folder = DataFolder::open(path.path()).unwrap();
    assert_eq!(fs::read_to_string(path.path().join("old/x/smolbear.db-wal")).unwrap(), "commits");
    assert_eq!(folder.set_aside("fresh", 0).unwrap(), None);
}
