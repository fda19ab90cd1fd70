"""The programs that `bookcast up` keeps alive."""
