"""The published systems as methods of the training loop: SkeletonCLR, AimCLR, MS-CLR, SkeleMixCLR, CrosSCLR, ISC."""
